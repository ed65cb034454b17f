/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

seL4_Word shared, shared_size, large, large_size, large_paddr, fixed, fixed_paddr;
seL4_Word text, text_size, text_length, roomy, roomy_length, from_writer;

static seL4_Word last_that_is_not_zero(seL4_Word start, seL4_Word size)
{
    while (size > 0 && ((volatile char *)start)[size - 1] == 0) {
        size--;
    }
    return size;
}

void init(void)
{
    say("shared at", shared);
    say("  of", shared_size);
    say("large at", large);
    say("  of", large_size);
    say("  on a large page", (large_paddr & 0x1fffff) == 0 && large_paddr != 0);
    say("fixed at", fixed);
    say("  physically", fixed_paddr);
    *(volatile seL4_Word *)(fixed + 0x1ff8) = 5;
    say("  takes", *(volatile seL4_Word *)(fixed + 0x1ff8));
    *(volatile seL4_Word *)(large + large_size - 8) = 6;
    say("large takes", *(volatile seL4_Word *)(large + large_size - 8));
    print((const char *)text);
    say("text of", text_size);
    say("  with bytes", text_length);
    say("  the last at", last_that_is_not_zero(text, text_size));
    say("roomy with bytes", roomy_length);
    say("  the last at", last_that_is_not_zero(roomy, 0x1000));
}

void notified(microkit_channel channel)
{
    say("from the writer", channel == from_writer);
    say("  shared holds", *(volatile seL4_Word *)(shared + 0x2ff8));
    print("done\n");
}
