#compdef waypost
_gnu_generic
