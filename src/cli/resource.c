/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

const json_t *cli_resolve(const struct cli *c, const json_t *node)
{
	for (int depth = 0; depth < 8; depth++) {
		const char *ref = json_string_value(json_object_get(node, "$ref"));
		struct str rest = str_of(ref);

		if (!ref || !str_starts(rest, STR("#/")))
			return node;
		node = c->openapi;
		str_cut(&rest, '/');
		while (rest.p) {
			struct str part = str_cut(&rest, '/');

			node = json_object_getn(node, part.p, part.n);
		}
	}
	return NULL;
}

/* "ring-group" names "ring_groups", "user" "users", "entry" "entries". */
static bool names(const char *noun, const char *plural)
{
	size_t n = strlen(noun), m = strlen(plural);

	for (size_t i = 0; i < n && i < m; i++)
		if (noun[i] != plural[i] && !(noun[i] == '-' && plural[i] == '_') &&
		    !(noun[i] == 'y' && i == n - 1))
			return false;
	if (n == m || (n + 1 == m && plural[m - 1] == 's' && noun[n - 1] != 'y'))
		return noun[n - 1] == plural[n - 1];
	return n && noun[n - 1] == 'y' && n + 2 == m && !strcmp(plural + n - 1, "ies");
}

static const json_t *body_schema(const struct cli *c, const json_t *operation)
{
	const json_t *j = json_object_get(json_object_get(operation, "requestBody"), "content");

	return cli_resolve(c, json_object_get(json_object_get(j, "application/json"), "schema"));
}

static const json_t *answer_schema(const struct cli *c, const json_t *operation)
{
	const json_t *j = json_object_get(json_object_get(operation, "responses"), "200");

	j = json_object_get(json_object_get(j, "content"), "application/json");
	return cli_resolve(c, json_object_get(j, "schema"));
}

/* A resource is what can be listed at /api/<plural> and created there. */
static bool is_resource(const char *path, const json_t *item)
{
	return !strncmp(path, "/api/", 5) && !strchr(path + 5, '/') &&
	       json_object_get(item, "get") && json_object_get(item, "post");
}

int cli_find_resource(struct cli *c, const char *noun, struct cli_resource *r)
{
	const json_t *paths = json_object_get(c->openapi, "paths");
	const char *path;
	json_t *item;

	json_object_foreach((json_t *)paths, path, item)
	{
		char one[256];
		const json_t *by_id;

		if (!is_resource(path, item) || !names(noun, path + 5))
			continue;
		snprintf(one, sizeof(one), "%s/{id}", path);
		by_id = json_object_get(paths, one);
		*r = (struct cli_resource){
			.path = path,
			.plural = path + 5,
			.create = body_schema(c, json_object_get(item, "post")),
			.change = body_schema(c, json_object_get(by_id, "patch")),
			.output = answer_schema(c, json_object_get(by_id, "get"))};
		return 0;
	}
	return ENOENT;
}

int cli_list_resources(struct cli *c, struct buf *out)
{
	const char *path;
	json_t *item;
	int status = cli_openapi(c);

	if (status)
		return status;
	json_object_foreach(json_object_get(c->openapi, "paths"), path, item)
	{
		if (is_resource(path, item))
			buf_printf(out, "%s%s", out->n ? ", " : "", path + 5);
	}
	return CLI_OK;
}
