/* SPDX-License-Identifier: MIT */
#include "main/manual.h"

#include "main/options.h"

#include <string.h>

enum {
    LINE_WIDTH = 76, /* of the source; who formats the page breaks lines anew */
    LONG_WORD = 40,  /* bytes from which a word may be broken, or it would stand out of its line */
};

/* Before the commands, and after the options. */
static const char head[] =
    ".SH NAME\n"
    "waypost \\- tells mail relays where mail should go\n"
    ".SH SYNOPSIS\n"
    ".B waypost\n"
    ".RI [ command ]\n"
    ".RI [ option .\\|.\\|.]\n"
    ".SH DESCRIPTION\n"
    "Operators keep overrides \\(en a domain or an IP address, and another host \\(en\n"
    "in MariaDB or in an embedded SQLite file, through a REST API.\n"
    "Relays ask\n"
    ".I /mx\n"
    "and\n"
    ".IR /resolve :\n"
    "an override is answered from memory, everything else from DNS.\n"
    "A database that is away stops no lookup.\n"
    ".PP\n"
    "Without\n"
    ".B \\-\\-tokens\n"
    "whoever reaches an address may change where mail goes.\n"
    ".SH COMMANDS\n";

static const char options_head[] = ".SH OPTIONS\n"
                                   "Each is also read from the environment.\n"
                                   "A flag beats the environment, which beats the default.\n";

static const char tail[] =
    ".SH SIGNALS\n"
    ".TP\n"
    ".BR SIGTERM \", \" SIGINT\n"
    "Answer what is under way, and stop within 10 seconds.\n"
    ".TP\n"
    ".B SIGHUP\n"
    "Read files again that options say are read again.\n"
    ".SH ENVIRONMENT\n"
    "Besides the options:\n"
    ".TP\n"
    ".B WAYPOST_DATABASE_FILE\n"
    "A file whose first line is the value of\n"
    ".BR \\-\\-database ,\n"
    "for a password that is not to stand in the environment.\n"
    ".TP\n"
    ".B WAYPOST_TOKEN\n"
    "The token that\n"
    ".B waypost reload\n"
    "sends.\n"
    ".TP\n"
    ".BR NOTIFY_SOCKET \", \" WATCHDOG_USEC\n"
    "Set by\n"
    ".BR systemd (1):\n"
    "it is told when waypost is ready, what it does, and that it is alive.\n"
    ".SH FILES\n"
    ".TP\n"
    ".I /etc/waypost/waypost.env\n"
    "The settings of the service, as lines NAME=VALUE of environment variables.\n"
    ".TP\n"
    ".I /var/lib/waypost/waypost.db\n"
    "The overrides, unless the service is told to use another database.\n"
    ".TP\n"
    ".I /run/waypost/waypost.sock\n"
    "Where members of the group\n"
    ".B waypost\n"
    "reach the service.\n"
    ".SH EXIT STATUS\n"
    ".TP\n"
    ".B 0\n"
    "Stopped by a signal, or the command is done.\n"
    ".TP\n"
    ".B 1\n"
    "A port or a file cannot be opened, or the command failed.\n"
    ".TP\n"
    ".B 2\n"
    "Usage, or a setting that does not parse.\n"
    ".SH SEE ALSO\n"
    ".BR systemctl (1),\n"
    ".BR systemd.exec (5)\n"
    ".PP\n"
    ".I /usr/share/doc/waypost\n"
    "has more, and a running waypost serves the description of its API at\n"
    ".IR /openapi.yaml .\n";

/* `is_code`: set between backquotes, which make bold. */
static void put_word(struct way_text *out, const char *word, size_t len, bool *is_code)
{
    for (size_t i = 0; i < len; i++) {
        switch (word[i]) {
        case '-':
            way_text_puts(out, "\\-"); /* else it may become a hyphen, which is no option's */
            break;
        case '\\':
            way_text_puts(out, "\\e");
            break;
        case '`':
            *is_code = !*is_code;
            way_text_puts(out, *is_code ? "\\fB" : "\\fR");
            break;
        default:
            way_text_putc(out, word[i]);
            way_text_puts(out, len > LONG_WORD && (word[i] == '/' || word[i] == ',') ? "\\:" : "");
        }
    }
}

/* Text in lines of LINE_WIDTH. */
static void put_text(struct way_text *out, const char *text)
{
    size_t column = 0;
    bool is_code = false;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (column > 0 && column + 1 + len > LINE_WIDTH) {
            way_text_putc(out, '\n');
            column = 0;
        }
        if (column > 0) {
            way_text_putc(out, ' ');
            column++;
        } else if (*text == '.' || *text == '\'') {
            way_text_puts(out, "\\&"); /* else it would be a macro */
        }
        put_word(out, text, len, &is_code);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    way_text_putc(out, '\n');
}

static void put_escaped(struct way_text *out, const char *text)
{
    bool is_code = false;

    put_word(out, text, strlen(text), &is_code);
}

/* "\fB--name\fR \fIVALUE\fR" and what it has in the environment and for a default. */
static void put_entry(struct way_text *out, const struct way_option_entry *entry)
{
    way_text_puts(out, ".TP\n\\fB");
    put_escaped(out, entry->kind == WAY_ENTRY_COMMAND ? "" : "--");
    put_escaped(out, entry->name);
    way_text_puts(out, "\\fR");
    if (entry->value != NULL) {
        way_text_puts(out, " \\fI");
        put_escaped(out, entry->value);
        way_text_puts(out, "\\fR");
    }
    way_text_putc(out, '\n');
    put_text(out, entry->help);
    if (entry->words != NULL) {
        way_text_puts(out, "One of \\fB");
        put_escaped(out, entry->words);
        way_text_puts(out, "\\fR.\n");
    }
    if (entry->fallback != NULL && entry->fallback[0] != '\0') {
        way_text_puts(out, "The default is \\fB");
        put_escaped(out, entry->fallback);
        way_text_puts(out, "\\fR.\n");
    }
    if (entry->environment != NULL) {
        way_text_printf(out, "Environment: \\fB%s\\fR.\n", entry->environment);
    }
}

static void show_command(const struct way_option_entry *entry, void *out)
{
    if (entry->kind == WAY_ENTRY_COMMAND) {
        put_entry(out, entry);
    }
}

static void show_option(const struct way_option_entry *entry, void *out)
{
    if (entry->kind != WAY_ENTRY_COMMAND) {
        put_entry(out, entry);
    }
}

void way_manual(struct way_text *out)
{
    way_text_puts(out, ".\\\" Printed by `waypost --print-manual`; do not edit by hand.\n"
                       ".TH WAYPOST 8 \"\" \"Waypost " WAY_VERSION "\"\n"
                       ".nh\n.ad l\n"); /* URLs and names of variables are not to be broken */
    way_text_puts(out, head);
    way_options_walk(show_command, out);
    way_text_puts(out, options_head);
    way_options_walk(show_option, out);
    way_text_puts(out, tail);
}
