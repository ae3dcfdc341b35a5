"""Stands in for systemd: a `systemctl` whose orders are carried out by the test."""
import contextlib
import os
import pathlib
import stat
import threading

# Two pipes: the order goes out, and the word of what became of it comes back.
SYSTEMCTL = """#!/bin/sh -e
echo "$*" >'{folder}/order'
read -r became <'{folder}/became'
[ "$became" = done ] || {{ echo "$became" >&2; exit 1; }}
"""
END = "end"


@contextlib.contextmanager
def service_manager(folder, **orders):
    """`orders`: what "systemctl WORD waypost" does. -> the folder that has the command, for PATH"""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    for pipe in ("order", "became"):
        (folder / pipe).unlink(missing_ok=True)
        os.mkfifo(folder / pipe)
    command = folder / "systemctl"
    command.write_text(SYSTEMCTL.format(folder=folder))
    command.chmod(stat.S_IRWXU)
    serving = threading.Thread(target=_serve, args=(folder, orders))
    serving.start()
    try:
        yield folder
    finally:
        (folder / "order").write_text(END + "\n")
        serving.join()


def _serve(folder, orders):
    while (order := (folder / "order").read_text().strip()) != END:
        word, _, unit = order.partition(" ")
        became = "done"
        try:
            assert unit == "waypost" and word in orders, f"no such order: {order}"
            orders[word]()
        except Exception as error:  # the shell that waits has to be told of any
            became = repr(error).replace("\n", " ")
        (folder / "became").write_text(became + "\n")
