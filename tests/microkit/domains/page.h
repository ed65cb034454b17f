/* SPDX-License-Identifier: BSD-2-Clause */
/* What the PDs share. */
#pragma once

#include <microkit.h>

struct page {
    /* 1: it is the lower PD's turn, 0: the higher one's. Nobody else prints. */
    volatile seL4_Word turn;
    /* The PD outside of the schedule has run. */
    volatile seL4_Word outside;
};

struct page *page;
