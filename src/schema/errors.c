/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with a body, to be shown to whoever sent it: so all text in it is made fit to be shown.
 */
#include <stdarg.h>
#include <stdio.h>
#include "schema/record.h"

void field_error_add(struct field_errors *e, const char *field, const char *code, const char *fmt,
		     ...)
{
	struct field_error *fe;
	char text[512];
	va_list ap;

	if (e->n == ARRAY_LEN(e->v))
		return;
	fe = &e->v[e->n++];
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record_set_text(fe->field, sizeof(fe->field), str_of(field));
	record_set_text(fe->code, sizeof(fe->code), str_of(code));
	record_set_text(fe->message, sizeof(fe->message), str_of(text));
}

json_t *field_errors_to_json(const struct field_errors *e)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < e->n; i++) {
		const struct field_error *fe = &e->v[i];

		if (json_array_append_new(list,
					  json_pack("{s:s,s:s,s:s}", "field", fe->field, "code",
						    fe->code, "message", fe->message))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list ? json_pack("{s:o}", "errors", list) : NULL;
}
