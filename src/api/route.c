/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/route.h"
#include "api/starts.h"
#include "schema/types.h"
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what;
	enum op op;
	enum right right[ROLE_TENANT + 1];
} rights[] = {
#define R(name, operation, admin, tenant) {name, OP_##operation, {RIGHT_##admin, RIGHT_##tenant}},
#include "api/rights.def"
#undef R
};

/* Of those who are neither administrators nor all of a tenant. */
static const struct {
	enum role role;
	const char *what;
	enum op op;
	enum right right;
} own_rights[] = {
#define E(name, operation, r) {ROLE_EXTENSION, name, OP_##operation, RIGHT_##r},
#include "api/rights_extension.def"
#undef E
#define D(name, operation, r) {ROLE_DEALER, name, OP_##operation, RIGHT_##r},
#include "api/rights_dealer.def"
#undef D
};

static const struct route fixed[] = {
#define X(m, p, id, t, acc, w, operation, h, tk, st, in, out, sum)                                 \
	{.method = m,                                                                              \
	 .path = p,                                                                                \
	 .operation_id = id,                                                                       \
	 .tag = t,                                                                                 \
	 .summary = sum,                                                                           \
	 .access = ACCESS_##acc,                                                                   \
	 .what = w,                                                                                \
	 .op = OP_##operation,                                                                     \
	 .fn = h,                                                                                  \
	 .takes = tk,                                                                              \
	 .status = st,                                                                             \
	 .input = in,                                                                              \
	 .output = out},
#include "api/routes.def"
#undef X
};

/* %s is the resource's name or plural.  What has a fixed word in its path stands before {id}. */
static const struct {
	const char *method, *path, *operation_id, *summary;
	enum op op;
	route_start_h *fn;
	unsigned takes, status;
	bool has_input;
	const char *output;
} generic[] = {
	{"GET", "/api/%s/export", "export_%s", "All of them as CSV: %s.", OP_LIST, export_start,
	 TAKES_LIST, 200, false, "text/csv"},
	{"POST", "/api/%s/import", "import_%s",
	 "Create one for each line of a CSV file: %s. All or none.", OP_CREATE, import_start,
	 TAKES_CSV | TAKES_IDEMPOTENCY, 200, false, "%s_list"},
	{"GET", "/api/%s/changes", "sync_%s", "What has changed or is gone since: %s.", OP_LIST,
	 changes_start, TAKES_SYNC | TAKES_FIELDS, 200, false, "%s_changes"},
	{"GET", "/api/%s", "list_%s", "A page: %s.", OP_LIST, list_start,
	 TAKES_PAGE | TAKES_LIST | TAKES_FIELDS, 200, false, "%s_page"},
	{"POST", "/api/%s", "create_%s", "Create one: %s.", OP_CREATE, create_start,
	 TAKES_BODY | TAKES_IDEMPOTENCY, 201, true, "%s"},
	{"GET", "/api/%s/{id}", "get_%s", "One by its id: %s.", OP_GET, get_start,
	 TAKES_ID | TAKES_FIELDS, 200, false, "%s"},
	{"PATCH", "/api/%s/{id}", "update_%s", "Change fields of one: %s.", OP_UPDATE, update_start,
	 TAKES_ID | TAKES_BODY | TAKES_IF_MATCH, 200, true, "%s"},
	{"DELETE", "/api/%s/{id}", "delete_%s", "Delete one: %s.", OP_DELETE, delete_start,
	 TAKES_ID | TAKES_IF_MATCH, 204, false, NULL},
	{"POST", "/api/%s/{id}/destroy", "destroy_%s", "The same as DELETE: %s.", OP_DELETE,
	 delete_start, TAKES_ID | TAKES_IF_MATCH, 204, false, NULL},
};

static bool is_csv(size_t g)
{
	return generic[g].fn == export_start || generic[g].fn == import_start;
}

static bool has_csv(const struct resource *res)
{
	return res != &resource_tenant && res != &resource_dealer && res != &resource_admin &&
	       !scope_is_one(res->scope);
}

static bool has_route(const struct resource *res, size_t g)
{
	if (is_csv(g))
		return has_csv(res);
	return generic[g].fn != changes_start || res->scope == SCOPE_TENANT;
}

enum right right_of(const char *what, enum op op, enum role role)
{
	for (size_t i = 0; role > ROLE_TENANT && i < ARRAY_LEN(own_rights); i++)
		if (own_rights[i].role == role && own_rights[i].op == op &&
		    !strcmp(own_rights[i].what, what))
			return own_rights[i].right;
	if (role > ROLE_TENANT)
		return RIGHT_NO;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		if (rights[i].op == op && !strcmp(rights[i].what, what))
			return rights[i].right[role];
	return RIGHT_NO;
}

bool route_tells_own(const struct route *r)
{
	return r->res ? r->res == &resource_phone_book_entry || resource_owner(r->res)
		      : !strcmp(r->what, "members");
}

/* Who sees a part only cannot follow the whole, unless the store knows which part. */
static enum right right_in(const struct route *r, enum role role)
{
	enum right right = right_of(r->what, r->op, role);

	return right == RIGHT_OWN && (r->takes & TAKES_SYNC) && !route_tells_own(r) ? RIGHT_NO
										    : right;
}

void route_singular(char dst[64], const struct resource *res)
{
	size_t n = strlen(res->plural);

	BUG(n >= 64);
	memcpy(dst, res->plural, n + 1);
	if (n > 3 && !strcmp(dst + n - 3, "ies"))
		memcpy(dst + n - 3, "y", 2);
	else if (n > 4 && !strcmp(dst + n - 4, "sses"))
		dst[n - 2] = '\0';
	else if (n > 1 && dst[n - 1] == 's')
		dst[n - 1] = '\0';
}

/* Offsets first: the text moves while it grows. */
static size_t make_name(struct buf *text, const char *pattern, const char *word)
{
	size_t at = text->n;
	const char *hole = strstr(pattern, "%s");

	if (!hole) {
		buf_cstr(text, pattern);
		buf_char(text, '\0');
		return at;
	}
	buf_add(text, pattern, (size_t)(hole - pattern));
	buf_cstr(text, word);
	buf_cstr(text, hole + 2);
	buf_char(text, '\0');
	return at;
}

struct names {
	size_t path, operation_id, summary, input, output;
};

static void make_generic(struct route *route, struct names *names, struct buf *text,
			 const struct resource *res, size_t g)
{
	bool is_list = generic[g].op == OP_LIST;
	char one[64];

	*route = (struct route){.method = generic[g].method,
				.tag = res->plural,
				.access = ACCESS_USER,
				.what = res->plural,
				.op = generic[g].op,
				.fn = generic[g].fn,
				.takes = generic[g].takes |
					 (res->scope == SCOPE_TENANT ? TAKES_TENANT : 0),
				.status = generic[g].status,
				.res = res};
	route_singular(one, res);
	names->path = make_name(text, generic[g].path, res->plural);
	names->operation_id = make_name(text, generic[g].operation_id, is_list ? res->plural : one);
	names->summary = make_name(text, generic[g].summary, res->plural);
	if (is_csv(g))
		names->operation_id = make_name(text, generic[g].operation_id, res->plural);
	if (generic[g].takes & TAKES_CSV)
		route->input = "text/csv";
	names->output = generic[g].output ? make_name(text, generic[g].output, one) : 0;
	names->input =
		generic[g].has_input
			? make_name(text, generic[g].op == OP_CREATE ? "%s_new" : "%s_change", one)
			: 0;
}

static size_t count_generic(void)
{
	size_t n = 0;

	for (size_t i = 0; resources[i]; i++)
		for (size_t g = 0; g < ARRAY_LEN(generic); g++)
			n += has_route(resources[i], g);
	return n;
}

int routes_make(struct routes *r)
{
	/* The fixed ones first: a word in the place of an id is that word. */
	const size_t first = ARRAY_LEN(fixed), total = first + count_generic();
	struct names *names = calloc(total, sizeof(*names));
	size_t made = first, ntext;
	struct buf text = {0};

	memset(r, 0, sizeof(*r));
	r->v = calloc(total, sizeof(*r->v));
	buf_char(&text, '\0'); /* offset 0: no name */
	for (size_t i = 0; r->v && names && resources[i]; i++)
		for (size_t g = 0; g < ARRAY_LEN(generic); g++)
			if (has_route(resources[i], g)) {
				make_generic(&r->v[made], &names[made], &text, resources[i], g);
				made++;
			}
	r->text = buf_take(&text, &ntext);
	if (!r->v || !names || !r->text) {
		free(names);
		routes_close(r);
		return ENOMEM;
	}
	for (size_t i = first; i < made; i++) {
		r->v[i].path = r->text + names[i].path;
		r->v[i].operation_id = r->text + names[i].operation_id;
		r->v[i].summary = r->text + names[i].summary;
		if (names[i].input)
			r->v[i].input = r->text + names[i].input;
		r->v[i].output = names[i].output ? r->text + names[i].output : NULL;
	}
	free(names);
	memcpy(r->v, fixed, sizeof(fixed));
	r->n = total;
	for (size_t i = 0; i < r->n; i++)
		for (enum role role = 0; role < ROLE_COUNT; role++)
			r->v[i].right[role] = right_in(&r->v[i], role);
	return 0;
}

void routes_close(struct routes *r)
{
	free(r->v);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

/* Ids are decimal; anything else names nothing, which is told like an id that names nothing: *idp 0. */
static uint64_t read_id(struct str s)
{
	uint64_t id;

	if (!s.n || s.p[0] == '0' || str_u64(s, &id) || id > INT64_MAX)
		return 0;
	return id;
}

/* Up to where an id stands: most patterns are told apart by their first letters, without being cut. */
static bool begins_alike(const char *pattern, struct str path)
{
	size_t i = 0;

	while (i < path.n && pattern[i] && pattern[i] == path.p[i])
		i++;
	return pattern[i] == '{' || (i == path.n && !pattern[i]);
}

static bool path_matches(const char *pattern, struct str path, uint64_t *idp)
{
	struct str want = str_of(pattern);

	if (!begins_alike(pattern, path))
		return false;
	while (want.p && path.p) {
		struct str w = str_cut(&want, '/'), p = str_cut(&path, '/');

		if (str_eq(w, STR("{id}")) && p.n)
			*idp = read_id(p);
		else if (!str_eq(w, p))
			return false;
	}
	return !want.p && !path.p;
}

const struct route *route_match(const struct routes *r, struct str method, struct str path,
				uint64_t *idp, struct buf *allow)
{
	if (str_eq(method, STR("HEAD")))
		method = STR("GET");
	for (size_t i = 0; i < r->n; i++) {
		*idp = 0;
		if (!path_matches(r->v[i].path, path, idp))
			continue;
		if (str_eq(method, str_of(r->v[i].method)))
			return &r->v[i];
		if (!strcmp(r->v[i].method, "GET"))
			buf_cstr(allow, allow->n ? ", GET, HEAD" : "GET, HEAD");
		else
			buf_printf(allow, "%s%s", allow->n ? ", " : "", r->v[i].method);
	}
	return NULL;
}
