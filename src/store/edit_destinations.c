/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where calls may be sent: a destination of a kind that has a number needs one, of its kind; a trunk must be the tenant's. */
#include <stdio.h>
#include <string.h>
#include "schema/did.h"
#include "schema/feature_codes.h"
#include "store/edit.h"

#define DIGITS	"0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* EXT-19: a key of the extension that sends the call there, of a template each one's; nobody else has any. */
static bool is_speed_dial(const struct object *of, const char *number)
{
	const size_t n = strlen(SPEED_DIAL_CODE);

	return (of->res == &resource_extension || of->res == &resource_extension_template ||
		of->res == &resource_time_check) &&
	       strncmp(number, SPEED_DIAL_CODE, n) == 0 && strlen(number) == n + 2 &&
	       strspn(number + n, DIGITS) == 2;
}

static void check_number(struct edit *e, const struct object *of, const char *field,
			 const struct dest *d, const char *number)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_number", field);
	if (d->kind == DEST_KIND_EXTERNAL_NUMBER &&
	    (!*number || strspn(number, "+*#" DIGITS) != strlen(number)))
		field_error_add(&e->errs, name, "bad_number",
				"an external number is needed: digits, and a + in front or not");
	if (d->kind != DEST_KIND_CUSTOM_DIAL || is_speed_dial(of, number))
		return;
	if (*number == '*' || *number == '#')
		field_error_add(&e->errs, name, "feature_code",
				"feature codes are for who dials them: no call is sent to one");
	else if (!*number || strspn(number, "+-_." LETTERS DIGITS) != strlen(number))
		field_error_add(&e->errs, name, "bad_number",
				"custom_dial needs a number, as it is dialled");
}

int edit_check_destination(struct edit *e, const struct object *of, const char *field,
			   const struct dest *d, const char *number)
{
	int err = 0;

	check_number(e, of, field, d, number);
	if (d->kind == DEST_KIND_TRUNK) /* else a tenant could hold the trunks of another */
		edit_needs_pool(e, of->tenant_id, d->id, field, &err);
	return err;
}

/* EXT-5, EXT-6, EXT-16: of an extension, or of a template. */
int edit_check_forwards(struct edit *e, const struct object *of, const struct object_list *forwards,
			const struct object_list *exceptions)
{
	struct did_range mask;
	struct did_why why;
	char field[64];
	int err = 0;

	for (size_t i = 0; !err && i < forwards->n; i++) {
		const struct extension_forward *f =
			(const struct extension_forward *)forwards->v[i];

		(void)snprintf(field, sizeof(field), "forwards[%zu].destination", i);
		err = edit_check_destination(e, of, field, &f->destination, f->destination_number);
	}
	for (size_t i = 0; !err && i < exceptions->n; i++) {
		const struct extension_exception *x =
			(const struct extension_exception *)exceptions->v[i];

		(void)snprintf(field, sizeof(field), "exceptions[%zu].destination", i);
		err = edit_check_destination(e, of, field, &x->destination, x->destination_number);
		(void)snprintf(field, sizeof(field), "exceptions[%zu].caller_mask", i);
		if (*x->caller_mask && did_mask_parse(&mask, str_of(x->caller_mask), &why))
			edit_fault(e, field, &why);
	}
	return err;
}

int edit_check_time_check(struct edit *e, struct object *o, const struct object *before)
{
	const struct time_check *t = (const struct time_check *)o;
	int err = edit_check_destination(e, o, "open_destination", &t->open_destination,
					 t->open_destination_number);

	if (!err)
		err = edit_check_destination(e, o, "closed_destination", &t->closed_destination,
					     t->closed_destination_number);
	if (!before)
		return err;
	if (t->open_destination.kind == DEST_KIND_TIME_CHECK && t->open_destination.id == o->id)
		field_error_add(&e->errs, "open_destination", "loop", "is this time check itself");
	if (t->closed_destination.kind == DEST_KIND_TIME_CHECK && t->closed_destination.id == o->id)
		field_error_add(&e->errs, "closed_destination", "loop",
				"is this time check itself");
	return err;
}

int edit_check_ring_group(struct edit *e, struct object *o, const struct object *before)
{
	const struct ring_group *g = (const struct ring_group *)o;

	(void)before;
	if (*g->outbound_caller_id && !did_is_number(str_of(g->outbound_caller_id)))
		field_error_add(&e->errs, "outbound_caller_id", "bad_number",
				"is no number of digits");
	return edit_check_destination(e, o, "no_answer", &g->no_answer, g->no_answer_number);
}
