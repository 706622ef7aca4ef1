/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TRN-4: requests within calls, challenged as those that begin one, when sip_settings want it.  Devices only: trunks have
 * no password of ours.
 *
 * Thread     core
 */
#ifndef CALL_WITHIN_H
#define CALL_WITHIN_H

#include "call/calls.h"

bool within_admits(const struct sip_dialog *d, struct sip_strans *st, const struct sip_msg *req,
		   void *calls);
/* INFO and NOTIFY outside of any call or subscription (sip_request_h; arg: calls): 481, to who has proved who it is. */
void within_stray(struct sip_strans *st, const struct sip_msg *req, void *calls);

#endif
