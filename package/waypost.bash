# shellcheck shell=bash
# Completes commands, options and the words that options take: all that `waypost --help` names.

_waypost_words() { # OPTION, of the text on stdin: the words of "One of a|b|c."
    awk -v option="$1" '
        /^  --/ { found = $1 == option }
        found && /^ +One of / { gsub(/^ +One of |\.$/, ""); gsub(/\|/, " "); print; exit }'
}

_waypost() {
    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} help
    help=$("$1" --help 2>/dev/null) || return
    # --name=value is three words here
    [ "$current" != = ] || current=
    [ "$option" != = ] || option=${COMP_WORDS[COMP_CWORD - 2]}
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk '/^  --/ { print $1 }' <<<"$help")" -- "$current")
    elif [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk '/^options/ { exit } /^  [a-z]/ { print $1 }' <<<"$help")" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_waypost_words "$option" <<<"$help")" -- "$current")
    fi
}

complete -o default -F _waypost waypost
