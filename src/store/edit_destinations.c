/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where calls may be sent: a destination of a kind that has a number needs one, of its kind. */
#include <string.h>
#include "schema/did.h"
#include "store/edit.h"

#define DIGITS	"0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

void edit_check_destination(struct edit *e, const char *field, const struct dest *d,
			    const char *number)
{
	if (d->kind == DEST_KIND_EXTERNAL_NUMBER &&
	    (!*number || strspn(number, "+*#" DIGITS) != strlen(number)))
		field_error_add(&e->errs, field, "bad_number",
				"an external number is needed: digits, and a + in front or not");
	if (d->kind != DEST_KIND_CUSTOM_DIAL)
		return;
	if (*number == '*' || *number == '#')
		field_error_add(&e->errs, field, "feature_code",
				"feature codes are for who dials them: no call is sent to one");
	else if (!*number || strspn(number, "+-_." LETTERS DIGITS) != strlen(number))
		field_error_add(&e->errs, field, "bad_number",
				"custom_dial needs a number, as it is dialled");
}

int edit_check_time_check(struct edit *e, struct object *o, const struct object *before)
{
	const struct time_check *t = (const struct time_check *)o;

	edit_check_destination(e, "open_number", &t->open_destination, t->open_number);
	edit_check_destination(e, "closed_number", &t->closed_destination, t->closed_number);
	if (!before)
		return 0;
	if (t->open_destination.kind == DEST_KIND_TIME_CHECK && t->open_destination.id == o->id)
		field_error_add(&e->errs, "open_destination", "loop", "is this time check itself");
	if (t->closed_destination.kind == DEST_KIND_TIME_CHECK && t->closed_destination.id == o->id)
		field_error_add(&e->errs, "closed_destination", "loop",
				"is this time check itself");
	return 0;
}

int edit_check_ring_group(struct edit *e, struct object *o, const struct object *before)
{
	const struct ring_group *g = (const struct ring_group *)o;

	(void)before;
	if (*g->outbound_caller_id && !did_is_number(str_of(g->outbound_caller_id)))
		field_error_add(&e->errs, "outbound_caller_id", "bad_number",
				"is no number of digits");
	edit_check_destination(e, "no_answer_number", &g->no_answer, g->no_answer_number);
	return 0;
}
