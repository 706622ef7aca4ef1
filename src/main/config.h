/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be known before the database opens: addresses, folders, the database.  Everything else is a resource.
 *
 * Options of the command line win over the configuration file, which wins over the defaults.
 *
 * Thread     main, before any other runs
 * Ownership  the configuration lives as long as the process
 * Errors     config_read prints what is wrong with which option, and returns EINVAL; 
 *            ECANCELED: --help or --version was answered, exit with success
 */
#ifndef MAIN_CONFIG_H
#define MAIN_CONFIG_H

#include "base/addr.h"
#include "base/log.h"

enum { CONFIG_MAX_ADDRESSES = 16 };

struct config {
	bool is_demo;
	char data_dir[512];
	char database[512]; /* "sqlite:PATH" or "postgresql://…"; default sqlite in data_dir */
	struct addr address[CONFIG_MAX_ADDRESSES]; /* where SIP and RTP are served; ports unset */
	size_t naddresses;			   /* 0 given: every address of the machine */
	uint16_t sip_port;
	uint16_t tls_port;
	bool has_tls_port; /* given; else one above sip_port */
	uint16_t ws_port, wss_port;
	bool has_ws_port, has_wss_port; /* given; else two and five above sip_port */
	char ws_origins[512];
	char tls_ca[512];		  /* roots besides the system's; "": none */
	char tls_cert[512], tls_key[512]; /* "": a certificate is made in the data folder */
	struct addr http; /* family 0: not given: 127.0.0.1, or the first --address */
	uint16_t http_port;
	uint16_t rtp_min, rtp_max;
	uint64_t node;
	unsigned media_threads; /* 0: one per CPU */
	bool media_spread;	/* over all of them, not one after the other */
	char sounds[512];	/* folder of prompts, one of each language in it */
	char music[512];	/* WAV file for who is held; "": a tone */
	uint32_t silence_ms;	/* no RTP this long ends a call */
	char log_file[512];	/* "": stderr */
	bool log_json;
	enum log_level log_level;
};

int config_read(struct config *c, int argc, char **argv) MUST_USE;

#endif
