/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The values of ENUM fields, made from enums.def, and their texts.
 */
#ifndef SCHEMA_ENUMS_H
#define SCHEMA_ENUMS_H

#include "base/str.h"

struct enum_text {
	const char *name; /* of the enum */
	const char *const *texts;
	size_t n;
};

/* clang-format off */
/* enum digest_choice { DIGEST_CHOICE_MD5, … }; */
#define ENUMERATION(name) enum name {
#define E(constant, text) constant,
#define END() };
#include "schema/enums.def"

/* extern const struct enum_text enum_text_digest_choice; */
#define ENUMERATION(name) extern const struct enum_text enum_text_##name;
#include "schema/enums.def"
/* clang-format on */

/* The value of a text, or -1; the text of a value, or NULL. */
int enum_value(const struct enum_text *e, struct str text);
const char *enum_name(const struct enum_text *e, int value);

#endif
