/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feature codes that others than the table must know; all of them: schema/feature_codes.def.
 *
 * Thread     any
 * Sources    RTE-12, EXT-19
 */
#ifndef SCHEMA_FEATURE_CODES_H
#define SCHEMA_FEATURE_CODES_H

/* The key of night mode, and its lamp. */
#define NIGHT_MODE_CODE "*27"
/* Before the two digits of a speed dial. */
#define SPEED_DIAL_CODE "*0"

#endif
