/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What continues a confirmed leg after a crash, in another process or on another node: one versioned plain struct.
 * Recovery, take-over and hitless upgrade stand on it.  Written to the journal when a leg is answered and whenever one of
 * these values changes (re-INVITE, target refresh), never per packet.
 *
 * Sources    RFC 3261 12 (dialog), RFC 3264 (o= version), RFC 3711 (SSRC, ROC)
 */
#ifndef CALL_LEG_KEPT_H
#define CALL_LEG_KEPT_H

#include "media/media.h"
#include "schema/record.h"
#include "sip/dialog.h"

enum { LEG_KEPT_VERSION = 2 };

struct leg_kept {
	struct kept_head head; /* first */
	struct sip_dialog_kept dialog;
	uint64_t sdp_id, sdp_version; /* our o= line */
	uint32_t nstreams, pad;
	struct stream_kept stream[MEDIA_MAX_STREAMS];
};

#endif
