/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-19: numbers behind keys. */
#include <string.h>
#include "route/inside.h"
#include "schema/feature_codes.h"
#include "schema/syntax.h"

static bool is_key_of_8(struct str s)
{
	return s.n == 1 && s.p[0] >= '2' && s.p[0] <= '9';
}

static bool is_key_of_100(struct str s)
{
	return s.n == 2 && s.p[0] >= '0' && s.p[0] <= '9' && s.p[1] >= '0' && s.p[1] <= '9';
}

/* What is dialled for a key: the key alone, or behind the code. */
static struct str key_of(struct str dialled)
{
	struct str code = str_of(SPEED_DIAL_CODE);

	if (is_key_of_8(dialled))
		return dialled;
	if (!str_starts(dialled, code))
		return STR_NONE;
	dialled.p += code.n;
	dialled.n -= code.n;
	return is_key_of_100(dialled) ? dialled : STR_NONE;
}

const char *route_speed_dial(const struct model *m, uint64_t tenant_id, uint64_t extension_id,
			     struct str dialled)
{
	const struct extension *x =
		extension_id ? model_extension(m, tenant_id, extension_id) : NULL;
	struct str key = key_of(dialled);

	if (!x || !key.n || model_number(m, tenant_id, dialled))
		return NULL;
	for (size_t i = 0; i < x->speed_dials.n; i++) {
		const struct extension_speed_dial *s =
			(const struct extension_speed_dial *)x->speed_dials.v[i];

		if (str_eq(str_of(s->key), key))
			return s->number;
	}
	return NULL;
}

bool route_speed_dial_set(struct str said, uint64_t what, struct str *key, struct str *number)
{
	const size_t n = what == ROUTE_SWITCH_SPEED_DIAL_8 ? 1 : 2;

	if (said.n < n)
		return false;
	*key = (struct str){said.p, n};
	*number = (struct str){said.p + n, said.n - n};
	return (n == 1 ? is_key_of_8(*key) : is_key_of_100(*key)) &&
	       (!number->n || (number->n <= 32 && syntax_speed_dial(*number)));
}
