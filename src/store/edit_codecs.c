/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ACC-9: lists of codecs name those that there are, each once. */
#include "store/edit.h"

static bool is_again(struct str list, struct str name, const char *before)
{
	struct str one;

	while (list.n && list.p < before) {
		one = str_trim(str_cut(&list, ','));
		if (one.p < before && str_ieq(one, name))
			return true;
	}
	return false;
}

static void check_list(struct edit *e, const struct object *o, const char *field,
		       const struct enum_text *known)
{
	const struct str list = str_of(field_text(o, resource_field(o->res, str_of(field))));
	struct str rest = list;

	while (rest.p && list.n) {
		struct str name = str_trim(str_cut(&rest, ','));

		if (enum_value(known, name) < 0) {
			field_error_add(&e->errs, field, "bad_codec",
					"'%.*s' is no codec of that kind", STR_ARG(name));
			return;
		}
		if (is_again(list, name, name.p)) {
			field_error_add(&e->errs, field, "twice", "'%.*s' stands there twice",
					STR_ARG(name));
			return;
		}
	}
}

int edit_check_codecs(struct edit *e, struct object *o, const struct object *before)
{
	(void)before;
	check_list(e, o, "audio_codecs", &enum_text_audio_codec);
	check_list(e, o, "video_codecs", &enum_text_video_codec);
	return 0;
}
