/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line `offhook`: a client of the REST interface, by default over the local socket.  It knows no resource: which
 * there are, their fields and types it reads from the server's OpenAPI document.
 *
 * Thread     one
 * Errors     functions that do something return the exit status of the program: enum cli_exit
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdio.h>
#include "base/buf.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_REFUSED = 1,     /* the server says no (4xx) */
	CLI_USAGE = 2,	     /* the command was not understood */
	CLI_UNREACHABLE = 3, /* no server */
	CLI_FAILED = 4,	     /* the server failed (5xx), or answered what is no answer */
};

struct cli {
	const char *socket; /* path, or NULL: url */
	const char *url;
	const char *token;
	const char *tenant;
	const char *columns; /* of tables, comma separated */
	const char *limit, *cursor, *sort, *q;
	const char *revision; /* of the configuration: route test */
	bool all, json, help;
	char **args; /* what is no option */
	size_t nargs;
	char found_socket[256];
	json_t *openapi; /* once asked for */
};

/* options.c: CLI_OK, or CLI_USAGE with a message on stderr. */
int cli_options(struct cli *c, int argc, char **argv) MUST_USE;

/* http.c.  *jsonp (may be NULL): the answer's body, NULL for none.  Problems are told on stderr. */
int cli_request(struct cli *c, const char *method, const char *path, const json_t *body,
		json_t **jsonp) MUST_USE;
/* name=value, escaped, with ? or & before it. */
int cli_add_query(struct buf *path, const char *name, struct str value) MUST_USE;
int cli_openapi(struct cli *c) MUST_USE;
/* Bytes there (sent NULL: GET) and back; at most 1 MiB.  An answer of JSON is in got too. */
int cli_bytes(struct cli *c, const char *path, const struct buf *sent, struct buf *got) MUST_USE;
/* backup.c: offhook backup … */
int cli_backup(struct cli *c, const char *verb) MUST_USE;

/* commands.c */
int cli_run(struct cli *c) MUST_USE;

/* resource.c: what the OpenAPI document says.  Borrowed. */
struct cli_resource {
	const char *path;     /* "/api/extensions" */
	const char *plural;   /* "extensions" */
	const json_t *output; /* schemas */
	const json_t *create, *change;
};
/* By plural, or the same without s: "extension", "ring-group".  ENOENT */
int cli_find_resource(struct cli *c, const char *noun, struct cli_resource *r) MUST_USE;
const json_t *cli_resolve(const struct cli *c, const json_t *node); /* follows $ref */
int cli_list_resources(struct cli *c, struct buf *out) MUST_USE;

/* value.c: "field=text" or "field:=JSON" into the object, by the field's schema.  EINVAL with a message in error. */
int cli_set_field(const struct cli *c, json_t *object, const json_t *schema, const char *arg,
		  struct buf *error) MUST_USE;

/* A line without echo from the terminal; from a pipe its first line.  EINVAL: nothing came. */
int cli_read_secret(struct str prompt, struct buf *out) MUST_USE;

/* table.c.  Text from the server is made harmless for a terminal. */
void cli_print_table(FILE *out, const json_t *items, const json_t *columns);
void cli_print_object(FILE *out, const json_t *object);
/* The members worth a column: `wanted` (comma separated) or the first scalars that any of them has. */
json_t *cli_pick_columns(const json_t *items, const json_t *properties,
			 const char *wanted) MUST_USE;

/* help.c */
int cli_help(struct cli *c); /* for c->args */
void cli_usage(FILE *out);
/* The fixed commands: {"call", "list"} …  NULL verb: the noun alone. */
struct cli_command {
	const char *noun, *verb, *method, *path;
	bool takes_id;
	bool is_list;
	const char *columns;
	const char *help, *example;
};
extern const struct cli_command cli_commands[];
extern const size_t cli_ncommands;

#endif
