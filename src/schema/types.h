/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structs of all resources and the enums of their fields, made from the .def files.
 */
#ifndef SCHEMA_TYPES_H
#define SCHEMA_TYPES_H

#include "schema/schema.h"

/* enum digest_choice { DIGEST_CHOICE_MD5, … }: from enums.def, see schema/enums.h */
#include "schema/enums.h"

#define TEXT(name, max, flags, dflt, doc) const char *name;
#define INT(name, dflt, lo, hi, flags, doc) int64_t name;
#define BOOL(name, flags, dflt, doc) bool name;
#define ENUM(name, type, flags, dflt, doc) int name;
#define REF(name, target, flags, doc) uint64_t name;
#define DEST(name, flags, doc) struct dest name;
#define LIST(name, child, flags, max, doc) struct object_list name;
#define SECRET(name, flags, doc) const char *name;
#define PASSWORD(name, flags, doc) const char *name;
#define TIME(name, flags, doc) int64_t name;

struct tenant {
	struct object o;
#include "schema/tenant.def"
};
struct admin {
	struct object o;
#include "schema/admin.def"
};
struct extension {
	struct object o;
#include "schema/extension.def"
};
struct account {
	struct object o;
#include "schema/account.def"
};
struct ring_group_member {
	struct object o;
#include "schema/ring_group_member.def"
};
struct ring_group {
	struct object o;
#include "schema/ring_group.def"
};

#undef TEXT
#undef INT
#undef BOOL
#undef ENUM
#undef REF
#undef DEST
#undef LIST
#undef SECRET
#undef PASSWORD
#undef TIME

#endif
