/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cli_command cli_commands[] = {
	{"status", NULL, "GET", "/api/status", false, false, NULL, "state of the server", "status"},
	{"call", "list", "GET", "/api/sessions", false, true,
	 "id,caller,callee,status,started_at,answered_at", "calls in progress", "call list --all"},
	{"call", "show", "GET", "/api/sessions/", true, false, NULL, "one call in progress",
	 "call show 4294967297"},
	{"call", "hangup", "DELETE", "/api/sessions/", true, false, NULL, "end a call",
	 "call hangup 4294967297"},
	{"route", "test", "POST", "/api/route_simulations", false, false, NULL,
	 "where a call would go now, and why: CALLER NUMBER [--revision N] [trunk_id=… at=… "
	 "outcome=… seconds=… transferred_by=… keyed=…]",
	 "route test 101 0044123456"},
	{"trunk", "states", "GET", "/api/trunk_states", false, true,
	 "id,name,is_online,reason,since,calls", "trunks as they are now", "trunk states"},
	{"trunk", "presets", "GET", "/api/trunk_presets", false, true, "brand,name,country,doc",
	 "providers that are known: brand=… of a new trunk", "trunk presets"},
	{"registration", "list", "GET", "/api/registrations", false, true,
	 "id,username,contact,remote,transport,user_agent,expires_at", "devices registered now",
	 "registration list --all"},
	{"blocked", "list", "GET", "/api/blocked_addresses", false, true,
	 "id,network,account,cause,blocked_at,until", "sources of SIP that are not heard now",
	 "blocked list --all"},
	{"blocked", "free", "DELETE", "/api/blocked_addresses/", true, false, NULL,
	 "hear one of them again", "blocked free 7"},
	{"cdr", "list", "GET", "/api/cdrs", false, true,
	 "id,started_at,answered_at,ended_at,caller,callee,status,ended_by",
	 "call records, newest first", "cdr list from=2026-11-20 status=missed"},
	{"cdr", "show", "GET", "/api/cdrs/", true, false, NULL,
	 "a call record with legs and segments", "cdr show 4711"},
	{"audit", "list", "GET", "/api/audit_logs", false, true,
	 "at,outcome,actor,actor_from,action,resource,resource_id,changes,reason,field,code",
	 "who changed what, newest first; outcome=failed: what was refused, and why",
	 "audit list resource=extension"},
	{"backup", "list", "GET", "/api/backups", false, true,
	 "id,name,made_at,tenant,parts,lock,bytes,state", "backups on this machine, newest first",
	 "backup list"},
	{"backup", "create", "POST", "/api/backups", false, false, NULL,
	 "make one and wait for it: NAME [parts=configuration,cdrs] [passphrase=…]; passphrase=- "
	 "asks",
	 "backup create before-the-move passphrase=-"},
	{"backup", "show", "GET", "/api/backups/", true, false, NULL,
	 "one of them, and how it gets on", "backup show 4711"},
	{"backup", "download", "GET", "/api/backups/", false, false, NULL,
	 "its file: ID FILE; a file that is there is gone on with", "backup download 4711 /mnt/x"},
	{"backup", "upload", "POST", "/api/backup_uploads", false, false, NULL,
	 "a file from another machine: FILE; prints its id here", "backup upload /mnt/x"},
	{"backup", "restore", "POST", "/api/backups/", false, false, NULL,
	 "put it in the place of what is here, and wait: ID [parts=…] [passphrase=…] [key=…] "
	 "[name=…] [domain=…]; everybody signs in again",
	 "backup restore 4711 passphrase=-"},
	{"backup", "delete", "DELETE", "/api/backups/", true, false, NULL, "remove its file",
	 "backup delete 4711"},
	{"info", NULL, "GET", "/api/info", false, false, NULL, "version of the server", "info"},
	{"login", NULL, "POST", "/api/login", false, false, NULL,
	 "sign in; prints a token. arguments: username=… domain=…",
	 "login username=anna domain=sip.acme.example"},
};
const size_t cli_ncommands = ARRAY_LEN(cli_commands);

static int misuse(const char *format, const char *what)
{
	fprintf(stderr, "offhook: ");
	fprintf(stderr, format, what);
	fprintf(stderr, "; see offhook --help\n");
	return CLI_USAGE;
}

static int print_json(const json_t *j)
{
	if (json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY))
		return CLI_FAILED;
	putchar('\n');
	return CLI_OK;
}

static int print_one(const struct cli *c, const json_t *j)
{
	if (c->json)
		return print_json(j);
	cli_print_object(stdout, j);
	return CLI_OK;
}

/* The path with paging and filters; those are arguments from `first` on. */
static int list_path(const struct cli *c, const char *base, size_t first, struct buf *path)
{
	const struct {
		const char *name, *value;
	} options[] = {{"limit", c->limit}, {"cursor", c->cursor}, {"sort", c->sort}, {"q", c->q}};

	buf_cstr(path, base);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].value &&
		    cli_add_query(path, options[i].name, str_of(options[i].value)))
			return CLI_FAILED;
	for (size_t i = first; i < c->nargs; i++) {
		struct str value = str_of(c->args[i]), name = str_cut(&value, '=');
		char text[64];

		if (!value.p || str_copy(text, sizeof(text), name))
			return misuse("'%s' is not field=value", c->args[i]);
		if (cli_add_query(path, text, value))
			return CLI_FAILED;
	}
	return CLI_OK;
}

/* One page, or with --all all of them, into items. */
static int fetch(struct cli *c, const char *base, size_t first, json_t *items, json_t **nextp)
{
	struct buf path = {0};
	json_t *page = NULL, *next;
	int status = list_path(c, base, first, &path);
	char *cursor = NULL;

	while (!status) {
		status = cli_request(c, "GET", path.p, NULL, &page);
		if (status)
			break;
		json_array_extend(items, json_object_get(page, "items"));
		next = json_object_get(page, "next");
		if (!c->all || !json_is_string(next)) {
			*nextp = json_incref(next);
			json_decref(page);
			break;
		}
		free(cursor);
		cursor = str_dup(str_of(json_string_value(next)));
		c->cursor = cursor;
		json_decref(page);
		buf_reset(&path);
		status = list_path(c, base, first, &path);
	}
	free(cursor);
	if (c->all)
		c->cursor = NULL;
	buf_free(&path);
	return status;
}

static int list(struct cli *c, const char *base, size_t first, const json_t *properties,
		const char *columns)
{
	json_t *items = json_array(), *next = NULL, *names;
	int status = fetch(c, base, first, items, &next);

	if (!status && c->json) {
		json_t *page = json_pack("{s:O,s:O?}", "items", items, "next",
					 json_is_string(next) ? next : NULL);

		if (page && !json_is_string(next))
			json_object_set_new(page, "next", json_null());
		status = print_json(page);
		json_decref(page);
	} else if (!status) {
		names = cli_pick_columns(items, properties, c->columns ? c->columns : columns);
		cli_print_table(stdout, items, names);
		json_decref(names);
		if (json_is_string(next))
			fprintf(stderr, "There is more: --all, or --cursor '%s'\n",
				json_string_value(next));
	}
	json_decref(items);
	json_decref(next);
	return status;
}

static bool is_id(const char *text)
{
	uint64_t id;

	return !str_u64(str_of(text), &id) && id;
}

/* ID, or FIELD=VALUE that exactly one object has. */
static int find_id(struct cli *c, const struct cli_resource *r, const char *selector, char *id,
		   size_t id_bytes)
{
	struct cli one = {.socket = c->socket,
			  .url = c->url,
			  .token = c->token,
			  .tenant = c->tenant,
			  .limit = "2"};
	char *args[] = {(char *)selector};
	json_t *items, *next = NULL;
	const char *found;
	int status;

	if (is_id(selector))
		return str_copy(id, id_bytes, str_of(selector)) ? CLI_USAGE : CLI_OK;
	one.args = args;
	one.nargs = 1;
	items = json_array();
	status = fetch(&one, r->path, 0, items, &next);
	found = json_string_value(json_object_get(json_array_get(items, 0), "id"));
	if (!status && json_array_size(items) != 1) {
		fprintf(stderr, "offhook: %s of %s %s\n",
			json_array_size(items) ? "more than one" : "none", r->plural, selector);
		status = CLI_REFUSED;
	} else if (!status && (!found || str_copy(id, id_bytes, str_of(found)))) {
		status = CLI_FAILED;
	}
	json_decref(items);
	json_decref(next);
	return status;
}

static int send_fields(struct cli *c, const char *method, const char *path, const json_t *schema,
		       size_t first)
{
	struct buf error = {0};
	json_t *body = json_object(), *answer = NULL;
	int status = CLI_OK;

	for (size_t i = first; i < c->nargs && !status; i++)
		if (cli_set_field(c, body, schema, c->args[i], &error))
			status = misuse("%s", error.p);
	if (!status)
		status = cli_request(c, method, path, body, &answer);
	if (!status)
		status = print_one(c, answer);
	json_decref(body);
	json_decref(answer);
	buf_free(&error);
	return status;
}

static int resource_verb(struct cli *c, const struct cli_resource *r, const char *verb)
{
	char id[32], path[320];
	json_t *answer = NULL;
	int status;

	if (!strcmp(verb, "list"))
		return list(c, r->path, 2, json_object_get(r->output, "properties"), NULL);
	if (!strcmp(verb, "create"))
		return send_fields(c, "POST", r->path, r->create, 2);
	if (strcmp(verb, "show") && strcmp(verb, "set") && strcmp(verb, "delete"))
		return misuse("'%s' is none of list, show, create, set, delete", verb);
	if (c->nargs < 3)
		return misuse("which of %s? Give an id or field=value", r->plural);
	status = find_id(c, r, c->args[2], id, sizeof(id));
	if (status)
		return status;
	snprintf(path, sizeof(path), "%s/%s", r->path, id);
	if (!strcmp(verb, "set"))
		return c->nargs > 3 ? send_fields(c, "PATCH", path, r->change, 3)
				    : misuse("%s: nothing to change was given", r->plural);
	if (c->nargs > 3)
		return misuse("'%s' is too much", c->args[3]);
	if (!strcmp(verb, "delete"))
		return cli_request(c, "DELETE", path, NULL, NULL);
	status = cli_request(c, "GET", path, NULL, &answer);
	if (!status)
		status = print_one(c, answer);
	json_decref(answer);
	return status;
}

static int run_resource(struct cli *c)
{
	struct cli_resource r;
	struct buf known = {0};
	int status = cli_openapi(c);

	if (status)
		return status;
	if (cli_find_resource(c, c->args[0], &r)) {
		if (!cli_list_resources(c, &known))
			fprintf(stderr,
				"offhook: there is nothing called '%s'. Resources here: %s; see "
				"offhook --help\n",
				c->args[0], known.p ? known.p : "");
		buf_free(&known);
		return CLI_USAGE;
	}
	if (c->nargs < 2)
		return misuse("%s: list, show, create, set or delete?", r.plural);
	return resource_verb(c, &r, c->args[1]);
}

static int login(struct cli *c)
{
	json_t *body = json_object(), *answer = NULL;
	struct buf password = {0};
	int status = CLI_OK;

	for (size_t i = 1; i < c->nargs && !status; i++) {
		struct str value = str_of(c->args[i]), name = str_cut(&value, '=');

		if (!value.p)
			status = misuse("'%s' is not field=value", c->args[i]);
		else
			json_object_setn_new(body, name.p, name.n, json_stringn(value.p, value.n));
	}
	if (!status && !json_object_get(body, "password")) {
		if (cli_read_secret(STR("password"), &password))
			status = misuse("%s", "no password came");
		else
			json_object_set_new(body, "password", json_string(password.p));
	}
	if (!status)
		status = cli_request(c, "POST", "/api/login", body, &answer);
	if (!status && c->json)
		status = print_json(answer);
	else if (!status)
		puts(json_string_value(json_object_get(answer, "access_token"))
			     ? json_string_value(json_object_get(answer, "access_token"))
			     : "");
	buf_free(&password);
	json_decref(body);
	json_decref(answer);
	return status;
}

/* Who rings, what the provider is told, what it costs. */
static void print_consequences(const json_t *d)
{
	const json_t *one, *cost = json_object_get(d, "cost");
	size_t i;

	json_array_foreach(json_object_get(d, "devices"), i, one)
	{
		printf("    rings %s at %s (%s)\n",
		       json_string_value(json_object_get(one, "account")),
		       json_string_value(json_object_get(one, "address")),
		       json_string_value(json_object_get(one, "user_agent")));
	}
	json_array_foreach(json_object_get(d, "headers"), i, one)
	{
		printf("    %s\n", json_string_value(one));
	}
	if (json_is_object(cost))
		printf("    costs %.6f for %lld s, by the rate of %s\n",
		       (double)json_integer_value(json_object_get(cost, "amount")) / 1000000,
		       (long long)json_integer_value(json_object_get(cost, "seconds")),
		       json_string_value(json_object_get(cost, "prefix")));
}

/* What was considered and why it lost, line by line; --json has all of it. */
static void print_decisions(const json_t *answer)
{
	const json_t *d, *step;
	size_t i, k;

	json_array_foreach(json_object_get(answer, "decisions"), i, d)
	{
		const json_t *steps = json_object_get(d, "steps");

		if (i)
			printf("if that fails:\n");
		json_array_foreach(steps, k, step)
		{
			printf("  %s %s: %s\n",
			       json_is_true(json_object_get(step, "has_won")) ? ">" : "-",
			       json_string_value(json_object_get(step, "rule")),
			       json_string_value(json_object_get(step, "verdict")));
		}
		printf("  = %s %s%s\n", json_string_value(json_object_get(d, "action")),
		       json_string_value(json_object_get(d, "number")),
		       json_string_value(json_object_get(d, "reason")));
		print_consequences(d);
	}
}

static int route_test(struct cli *c)
{
	json_t *body = json_object(), *answer = NULL;
	int status = CLI_OK;

	if (c->nargs < 4)
		status = misuse("%s", "route test: who calls, and which number?");
	for (size_t i = 2; i < c->nargs && !status; i++) {
		struct str value = str_of(c->args[i]), name = str_cut(&value, '=');

		if (i < 4)
			json_object_set_new(body, i == 2 ? "caller" : "number",
					    json_string(c->args[i]));
		else if (!value.p)
			status = misuse("'%s' is not field=value", c->args[i]);
		else
			json_object_setn_new(body, name.p, name.n, json_stringn(value.p, value.n));
	}
	if (c->revision)
		json_object_set_new(body, "revision", json_string(c->revision));
	if (!status)
		status = cli_request(c, "POST", "/api/route_simulations", body, &answer);
	if (!status && c->json)
		status = print_json(answer);
	else if (!status)
		print_decisions(answer);
	json_decref(body);
	json_decref(answer);
	return status;
}

static int run_fixed(struct cli *c, const struct cli_command *k)
{
	size_t first = k->verb ? 2 : 1;
	char path[128];
	json_t *answer = NULL;
	int status;

	if (!strcmp(k->noun, "login"))
		return login(c);
	if (!strcmp(k->noun, "route"))
		return route_test(c);
	if (!strcmp(k->noun, "backup") && !k->takes_id && !k->is_list)
		return cli_backup(c, k->verb);
	if (k->is_list)
		return list(c, k->path, first, NULL, k->columns);
	if (c->nargs != first + k->takes_id)
		return misuse(k->takes_id ? "%s wants one id" : "%s wants no argument", k->noun);
	if (k->takes_id && !is_id(c->args[first]))
		return misuse("'%s' is no id", c->args[first]);
	snprintf(path, sizeof(path), "%s%s", k->path, k->takes_id ? c->args[first] : "");
	status = cli_request(c, k->method, path, NULL, &answer);
	if (!status && answer)
		status = print_one(c, answer);
	json_decref(answer);
	return status;
}

int cli_run(struct cli *c)
{
	bool is_known_noun = false;

	if (c->help || (c->nargs && !strcmp(c->args[0], "help"))) {
		if (!c->help) {
			c->args++;
			c->nargs--;
		}
		return cli_help(c);
	}
	if (!c->nargs) {
		cli_usage(stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < cli_ncommands; i++) {
		const struct cli_command *k = &cli_commands[i];

		if (strcmp(k->noun, c->args[0]))
			continue;
		is_known_noun = true;
		if (!k->verb || (c->nargs > 1 && !strcmp(k->verb, c->args[1])))
			return run_fixed(c, k);
	}
	if (is_known_noun)
		return misuse("which command of %s?", c->args[0]);
	return run_resource(c);
}
