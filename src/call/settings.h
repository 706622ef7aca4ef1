/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The extensions of SIP that calls speak, as sip_settings say: obeyed from the next message on.
 *
 * Thread     core
 * Errors     ENOMEM
 */
#ifndef CALL_SETTINGS_H
#define CALL_SETTINGS_H

#include "call/calls.h"

int settings_open(struct calls *cs) MUST_USE;

#endif
