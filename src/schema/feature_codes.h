/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A feature code that others than routing must know; all of them: schema/feature_codes.def.
 *
 * Thread     any
 * Sources    RTE-12
 */
#ifndef SCHEMA_FEATURE_CODES_H
#define SCHEMA_FEATURE_CODES_H

/* The key of night mode, and its lamp. */
#define NIGHT_MODE_CODE "*27"

#endif
