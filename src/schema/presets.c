/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include "schema/presets.h"

static const struct preset {
	const char *brand, *name, *country, *doc, *fields;
} presets[] = {
#define PRESET(constant, brand, name, country, doc, fields) {brand, name, country, doc, fields},
#include "schema/trunk_presets.def"
#undef PRESET
};

static json_t *fields_of(const struct preset *p)
{
	json_t *fields = json_loads(p->fields, 0, NULL);

	if (fields && *p->country &&
	    json_object_set_new(fields, "country", json_string(p->country)))
		fields = (json_decref(fields), NULL);
	return fields;
}

int presets_fill(json_t *body)
{
	const char *brand = json_string_value(json_object_get(body, "brand"));
	json_t *fields;
	int err;

	for (size_t i = 0; brand && i < ARRAY_LEN(presets); i++) {
		if (strcmp(presets[i].brand, brand) != 0)
			continue;
		fields = fields_of(&presets[i]);
		err = fields ? json_object_update_missing(body, fields) : -1;
		json_decref(fields);
		return err ? ENOMEM : 0;
	}
	return 0;
}

json_t *presets_list(void)
{
	json_t *items = json_array();

	for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
		const struct preset *p = &presets[i];
		json_t *one =
			json_pack("{s:s,s:s,s:s,s:s,s:o}", "brand", p->brand, "name", p->name,
				  "country", p->country, "doc", p->doc, "fields", fields_of(p));

		if (!one || json_array_append_new(items, one))
			return json_decref(items), NULL;
	}
	return items;
}
