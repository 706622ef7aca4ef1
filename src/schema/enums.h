/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The values of enum fields, as in enums.def. */
#ifndef SCHEMA_ENUMS_H
#define SCHEMA_ENUMS_H

enum digest_choice { DIGEST_CHOICE_MD5, DIGEST_CHOICE_SHA256, DIGEST_CHOICE_BOTH };
enum gender { GENDER_UNSPECIFIED, GENDER_FEMALE, GENDER_MALE, GENDER_OTHER };
enum ring_strategy { RING_STRATEGY_SIMULTANEOUS };
enum dest_kind { DEST_KIND_HANGUP, DEST_KIND_EXTENSION, DEST_KIND_RING_GROUP };

#endif
