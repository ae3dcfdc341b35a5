"""A file of tokens, made by the program's own command."""
import stat

import program as programs


def token(path, name, role):
    """Adds one to the file. -> the secret"""
    secret, line = programs.run("token", name, role).stdout.splitlines()
    with open(path, "a", encoding="ascii") as file:
        file.write(line + "\n")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return secret
