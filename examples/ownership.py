"""Who owns an output: lent to read, copied, given away, or changed in place and passed on.

`alive` holds the photos that somebody can still reach. An output is released when its last reader is done, so that no photo
outlives its use; and what cannot work is refused before anything runs.
"""

from weakref import WeakSet

from yorch_async import (
    Fanout,
    PlanError,
    TaskTree,
    borrow_prev,
    borrow_prev_mut,
    compile_plan,
    consume_prev,
    copy_prev,
    run,
    task_forward_prev,
)


class Photo:
    """Something that is too big to be copied without need."""

    def __init__(self, look: str) -> None:
        self.look = look
        alive.add(self)


alive = WeakSet[Photo]()


def shoot() -> Photo:
    return Photo("raw")


def develop(photo: Photo) -> None:  # forwards: the photo itself goes on, changed
    photo.look = "developed"
    print(f"develop: {photo.look}, {len(alive)} alive")


def frame(photo: Photo) -> Photo:  # consumes: nobody else has this photo any more
    photo.look += " and framed"
    return photo


def show(photo: Photo) -> None:  # borrows: any number may look at the same photo
    print(f"show: {photo.look}, {len(alive)} alive")


def paint(photo: Photo) -> None:  # copies: what it does to its photo is nobody else's business
    photo.look += " and painted over"
    print(f"paint: {photo.look}, {len(alive)} alive")


tree = TaskTree("photos")
developed = tree.root(shoot).child(task_forward_prev(develop, borrow_prev_mut(Photo)), fanout=Fanout.CONSUME_WITH_COPIES)
framed = developed.child(frame, consume_prev(Photo))
framed.child(show, borrow_prev(Photo))
framed.child(show, borrow_prev(Photo))
developed.child(paint, copy_prev(Photo, copier=lambda photo: Photo(photo.look)))
run(compile_plan(tree))
print(f"{len(alive)} photos are left")

developed.child(show, borrow_prev(Photo))  # which would find it framed, or not, or gone
try:
    compile_plan(tree)
except PlanError as error:
    print(error)
