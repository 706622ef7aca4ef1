/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process that was killed in the middle of calls has left in the data folder, removed at the next start.
 *
 * Thread     core, before there are calls
 * Errors     logged: what cannot be removed stays
 */
#ifndef MAIN_LEFTOVERS_H
#define MAIN_LEFTOVERS_H

void leftovers_remove(const char *folder);

#endif
