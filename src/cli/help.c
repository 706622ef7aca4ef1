/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Help on every level: offhook --help, offhook NOUN --help, offhook NOUN VERB --help.  What it says of a resource's fields comes
 * from the running server; without one the rest is still said.
 */
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *verb, *arguments, *help, *example;
} verbs[] = {
	/* %s: the fields of an example, %r: the first of them */
	{"list", "[FIELD=VALUE…]", "a table of all, or of those with these values",
	 "list --sort -id --limit 20"},
	{"show", "ID | FIELD=VALUE", "one, by id or by a field that only it has", "show %r"},
	{"create", "FIELD=VALUE…", "make one; prints it", "create %s"},
	{"set", "ID | FIELD=VALUE  FIELD=VALUE…", "change fields of one", "set %r FIELD=VALUE"},
	{"delete", "ID | FIELD=VALUE", "remove one", "delete %r"},
};

void cli_usage(FILE *out)
{
	fputs("offhook: the command line of the Offhook telephone system\n\n"
	      "  offhook [OPTION…] NOUN VERB [ARGUMENT…]\n\n"
	      "What is configured (any resource of the server: tenant, user, extension, account, "
	      "ring_group …):\n"
	      "  offhook NOUN list|show|create|set|delete\n\n"
	      "What is going on and what has happened:\n",
	      out);
	for (size_t i = 0; i < cli_ncommands; i++)
		fprintf(out, "  offhook %-13s%-9s%s\n", cli_commands[i].noun,
			cli_commands[i].verb ? cli_commands[i].verb : "", cli_commands[i].help);
	fputs("\nWhere the server is (default: the local socket, no password):\n"
	      "  --socket PATH     its socket (OFFHOOK_SOCKET; else offhook.sock in OFFHOOK_DATA, "
	      "./data or /var/lib/offhook)\n"
	      "  --url URL         over the network instead, as https://pbx.example.com "
	      "(OFFHOOK_URL)\n"
	      "  --token TOKEN     from `offhook login` (OFFHOOK_TOKEN)\n"
	      "  --tenant DOMAIN   the tenant to work in (OFFHOOK_TENANT); administrators only\n\n"
	      "What is printed:\n"
	      "  --json            JSON as the server sends it\n"
	      "  --columns A,B,C   columns of a table\n"
	      "  --limit N, --cursor C, --sort [-]FIELD, --search TEXT, --all    which part of a "
	      "list\n"
	      "  --revision N      route test: by the configuration as it was after that change\n\n"
	      "Values: enabled=no, members=3,4 (ids in order), no_answer=extension:3 or hangup, "
	      "field:=JSON,\n"
	      "password=- reads it from the terminal or a pipe.\n\n"
	      "Examples:\n"
	      "  offhook tenant create name=acme domain=sip.acme.example username=anna password=-\n"
	      "  offhook --tenant sip.acme.example extension create number=101 first_name=Ada\n"
	      "  offhook --tenant sip.acme.example ring_group create number=600 name=Sales "
	      "members=1,2\n"
	      "  offhook call list\n"
	      "  offhook cdr list --json --all from=2026-11-20\n\n"
	      "Exit status: 0 done, 1 refused, 2 not understood, 3 no server, 4 the server "
	      "failed.\n"
	      "More: offhook NOUN --help; the REST interface is described at /api/docs of the "
	      "server.\n",
	      out);
}

static void print_type(FILE *out, const struct cli *c, const json_t *field)
{
	const json_t *schema = cli_resolve(c, field), *type = json_object_get(schema, "type"),
		     *values = json_object_get(schema, "enum"), *v;
	size_t i;

	if (json_is_array(type))
		type = json_array_get(type, 0);
	if (values) {
		json_array_foreach((json_t *)values, i, v)
		{
			if (json_is_string(v))
				fprintf(out, "%s%s", i ? "|" : "", json_string_value(v));
		}
	} else {
		fputs(json_is_string(type) ? json_string_value(type) : "value", out);
	}
}

static bool is_required(const json_t *schema, const char *name)
{
	const json_t *list = json_object_get(schema, "required"), *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one)
	{
		if (!strcmp(json_string_value(one), name))
			return true;
	}
	return false;
}

static void print_fields(FILE *out, const struct cli *c, const json_t *schema)
{
	const char *name;
	json_t *field;

	fputs("\nFields (* must be given):\n", out);
	json_object_foreach(json_object_get(schema, "properties"), name, field)
	{
		const char *doc = json_string_value(json_object_get(field, "description"));

		fprintf(out, "  %-16s%c ", name, is_required(schema, name) ? '*' : ' ');
		print_type(out, c, field);
		fprintf(out, "  %s\n", doc ? doc : "");
	}
}

/* number=101, as the document's example has it. */
static void example_fields(struct buf *out, const json_t *schema, bool only_first)
{
	const json_t *example = json_array_get(json_object_get(schema, "examples"), 0),
		     *required = json_object_get(schema, "required"), *name;
	size_t i;

	json_array_foreach((json_t *)required, i, name)
	{
		const char *key = json_string_value(name),
			   *value = json_string_value(json_object_get(example, key));

		if (!key || !value || (only_first && out->n))
			continue;
		buf_printf(out, "%s%s=%s", out->n ? " " : "", key,
			   strchr(value, ' ') || !strcmp(key, "password") ? "-" : value);
	}
	if (!out->n)
		buf_cstr(out, only_first ? "3" : "FIELD=VALUE");
}

static void print_example(FILE *out, const char *noun, const char *pattern, const json_t *schema)
{
	const char *hole = strchr(pattern, '%');
	struct buf fields = {0};

	if (!hole) {
		fprintf(out, "      for example: offhook %s %s\n", noun, pattern);
		return;
	}
	example_fields(&fields, schema, hole[1] == 'r');
	fprintf(out, "      for example: offhook %s %.*s%s%s\n", noun, (int)(hole - pattern),
		pattern, fields.p ? fields.p : "", hole + 2);
	buf_free(&fields);
}

static int help_resource(struct cli *c, const char *noun, const char *verb)
{
	struct cli_resource r = {.plural = NULL};
	int status = cli_openapi(c);
	bool found = false;

	if (!status && cli_find_resource(c, noun, &r)) {
		fprintf(stderr, "offhook: there is nothing called %s; see offhook --help\n", noun);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (verb && strcmp(verb, verbs[i].verb))
			continue;
		found = true;
		printf("  offhook %s %s %s\n      %s\n", noun, verbs[i].verb, verbs[i].arguments,
		       verbs[i].help);
		print_example(stdout, noun, verbs[i].example, r.create);
	}
	if (!found) {
		fprintf(stderr, "offhook: %s knows list, show, create, set, delete\n", noun);
		return CLI_USAGE;
	}
	if (!status)
		print_fields(stdout, c, verb && !strcmp(verb, "set") ? r.change : r.create);
	return CLI_OK;
}

int cli_help(struct cli *c)
{
	bool found = false;

	if (!c->nargs) {
		cli_usage(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < cli_ncommands; i++) {
		const struct cli_command *k = &cli_commands[i];

		if (strcmp(k->noun, c->args[0]) ||
		    (c->nargs > 1 && k->verb && strcmp(k->verb, c->args[1])))
			continue;
		found = true;
		printf("  offhook %s%s%s%s\n      %s\n      for example: offhook %s\n", k->noun,
		       k->verb ? " " : "", k->verb ? k->verb : "", k->takes_id ? " ID" : "",
		       k->help, k->example);
	}
	return found ? CLI_OK : help_resource(c, c->args[0], c->nargs > 1 ? c->args[1] : NULL);
}
