/*
 * A physical walsender's last words: it outlives a killed postmaster for the moment it
 * takes to send what is flushed and not sent yet, so that a standby has all that was
 * acknowledged, and can take over at once.
 */
#ifndef MR_LAST_WORDS_H
#define MR_LAST_WORDS_H

/* In a walsender that was admitted by a node that leads (followers.c): once. */
extern void mr_last_words_prepare(void);

#endif /* MR_LAST_WORDS_H */
