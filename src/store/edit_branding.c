/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TEN-4: a logo is a small picture, of a kind that runs no script; what it says of itself decides how it is served. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "schema/picture.h"
#include "store/edit.h"

enum { LOGO_BYTES = 65536, LOGO_POINTS = 2048 };

static void check_picture(struct edit *e, struct str bytes, const char **typep)
{
	struct picture p;

	if (bytes.n > LOGO_BYTES)
		field_error_add(&e->errs, "logo", "too_long", "must have at most %d bytes",
				LOGO_BYTES);
	else if (picture_read(&p, bytes))
		field_error_add(&e->errs, "logo", "bad_picture",
				"must be a PNG, JPEG or GIF picture");
	else if (p.width > LOGO_POINTS || p.height > LOGO_POINTS)
		field_error_add(&e->errs, "logo", "too_large", "must be at most %d by %d points",
				LOGO_POINTS, LOGO_POINTS);
	else
		*typep = p.type;
}

int edit_check_branding(struct edit *e, struct object *o, const struct object *before)
{
	struct branding *b = (struct branding *)o;
	const char *type = "";
	const size_t room = strlen(b->logo);
	size_t n = 0;
	char *bytes;

	if (*b->logo) {
		bytes = malloc(room);
		if (!bytes)
			return ENOMEM;
		if (sodium_base642bin((unsigned char *)bytes, room, b->logo, room, NULL, &n, NULL,
				      sodium_base64_VARIANT_ORIGINAL))
			field_error_add(&e->errs, "logo", "bad_base64", "must be base64");
		else
			check_picture(e, (struct str){bytes, n}, &type);
		free(bytes);
	}
	return object_set_text(o, resource_field(o->res, STR("logo_type")), str_of(type));
}
