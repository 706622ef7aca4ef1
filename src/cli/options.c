/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Options may stand anywhere; after -- nothing is one. */
static const struct option {
	const char *name, *env;
	size_t offset;
	bool is_switch;
} options[] = {
	{"--socket", "OFFHOOK_SOCKET", offsetof(struct cli, socket), false},
	{"--url", "OFFHOOK_URL", offsetof(struct cli, url), false},
	{"--token", "OFFHOOK_TOKEN", offsetof(struct cli, token), false},
	{"--tenant", "OFFHOOK_TENANT", offsetof(struct cli, tenant), false},
	{"--columns", NULL, offsetof(struct cli, columns), false},
	{"--limit", NULL, offsetof(struct cli, limit), false},
	{"--cursor", NULL, offsetof(struct cli, cursor), false},
	{"--sort", NULL, offsetof(struct cli, sort), false},
	{"--search", NULL, offsetof(struct cli, q), false},
	{"--revision", NULL, offsetof(struct cli, revision), false},
	{"--all", NULL, offsetof(struct cli, all), true},
	{"--json", NULL, offsetof(struct cli, json), true},
	{"--help", NULL, offsetof(struct cli, help), true},
	{"-h", NULL, offsetof(struct cli, help), true},
};

static void set_text(struct cli *c, const struct option *o, const char *value)
{
	*(const char **)(void *)((char *)c + o->offset) = value;
}

static const char *text(const struct cli *c, const struct option *o)
{
	return *(const char *const *)(const void *)((const char *)c + o->offset);
}

static const struct option *find(const char *arg, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strlen(options[i].name) == n && !strncmp(options[i].name, arg, n))
			return &options[i];
	return NULL;
}

/* How many of argv were used; 0: error told. */
static int take_option(struct cli *c, int left, char **argv)
{
	const char *equals = strchr(argv[0], '=');
	const struct option *o =
		find(argv[0], equals ? (size_t)(equals - argv[0]) : strlen(argv[0]));

	if (!o) {
		fprintf(stderr, "offhook: there is no option %s; see offhook --help\n", argv[0]);
		return 0;
	}
	if (o->is_switch) {
		*(bool *)(void *)((char *)c + o->offset) = true;
		return 1;
	}
	if (equals) {
		set_text(c, o, equals + 1);
		return 1;
	}
	if (left < 2) {
		fprintf(stderr, "offhook: %s wants a value\n", argv[0]);
		return 0;
	}
	set_text(c, o, argv[1]);
	return 2;
}

static void find_socket(struct cli *c)
{
	static const char *const folders[] = {"data", "/var/lib/offhook"};
	const char *data = getenv("OFFHOOK_DATA");

	if (data) {
		snprintf(c->found_socket, sizeof(c->found_socket), "%s/offhook.sock", data);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
			snprintf(c->found_socket, sizeof(c->found_socket), "%s/offhook.sock",
				 folders[i]);
			if (!access(c->found_socket, F_OK))
				break;
		}
	}
	c->socket = c->found_socket;
}

int cli_options(struct cli *c, int argc, char **argv)
{
	bool only_args = false;

	memset(c, 0, sizeof(*c));
	c->args = calloc((size_t)argc + 1, sizeof(*c->args));
	if (!c->args)
		return CLI_FAILED;
	for (int i = 1; i < argc;) {
		if (!only_args && !strcmp(argv[i], "--")) {
			only_args = true;
			i++;
		} else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
			int used = take_option(c, argc - i, argv + i);

			if (!used)
				return CLI_USAGE;
			i += used;
		} else {
			c->args[c->nargs++] = argv[i++];
		}
	}
	/* What stands on the command line goes before the environment: --socket before OFFHOOK_URL. */
	bool chose = c->socket || c->url;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		bool is_where = options[i].offset == offsetof(struct cli, socket) ||
				options[i].offset == offsetof(struct cli, url);

		if (options[i].env && !text(c, &options[i]) && !(is_where && chose))
			set_text(c, &options[i], getenv(options[i].env));
	}
	if (c->url)
		c->socket = NULL;
	else if (!c->socket)
		find_socket(c);
	return CLI_OK;
}
