/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structs of all resources, made from the .def files:
 *
 *	struct extension { struct object o; const char *number; … bool enabled; int64_t ring_seconds; };
 *
 * and the name of each table: `resource_extension`.
 */
#ifndef SCHEMA_TYPES_H
#define SCHEMA_TYPES_H

#include "schema/enums.h"
#include "schema/schema.h"

/* The body of each struct is a .def file.  clang-format cannot see that. */
/* clang-format off */
#define RESOURCE(plural, scope, doc) struct THIS { struct object o;
#define CHILD(doc) RESOURCE(, , )
#define TEXT(name, max, flags, dflt, doc) const char *name;
#define INT(name, dflt, lo, hi, flags, doc) int64_t name;
#define BOOL(name, flags, dflt, doc) bool name;
#define ENUM(name, type, flags, dflt, doc) int name;
#define REF(name, target, flags, doc) uint64_t name;
#define ID(name, flags, doc) uint64_t name;
#define DEST(name, flags, doc) struct dest name;
#define LIST(name, child, flags, max, doc) struct object_list name;
#define SECRET(name, flags, doc) const char *name;
#define PASSWORD(name, flags, doc) const char *name;
#define TIME(name, flags, doc) int64_t name;
#define END() };
#include "schema/resources.def"

#define SCHEMA_JOIN_(a, b) a##b
#define SCHEMA_JOIN(a, b) SCHEMA_JOIN_(a, b)
#define RESOURCE(plural, scope, doc) extern const struct resource SCHEMA_JOIN(resource_, THIS);
#define CHILD(doc) RESOURCE(, , )
#include "schema/resources.def"
/* clang-format on */

#endif
