/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a password, or a PIN, one that is soon guessed?
 *
 * Thread     any
 * Ownership  answers are constant texts
 * Sources    EXT-2
 */
#ifndef SCHEMA_STRENGTH_H
#define SCHEMA_STRENGTH_H

#include <stdint.h>
#include "base/str.h"

/* NULL: it is not weak.  Else why: too_short (fewer than `length` characters, or 8), too_simple (of one kind of characters, and fewer
 * than 12), own_name (the name, also backwards or with a few characters more), common, repeated, sequence. */
const char *strength_of_password(const char *clear, const char *name, int64_t length);
/* The same of digits: too_short (fewer than 4), own_name, common, repeated, sequence. */
const char *strength_of_pin(const char *pin, const char *number);
/* Only what is wrong at any length: own_name, common, repeated, sequence. */
const char *strength_guessed(const char *clear, const char *name);

#endif
