/*
 * What an unfinished run has to tell the next one: the file DIR/join of the state
 * directory. It is written before the first change that must not be left half done,
 * and removed after the last.
 */
#ifndef MR_JOIN_PROGRESS_H
#define MR_JOIN_PROGRESS_H

#include "join/mr_join.h"

typedef enum MrJoinPhase
{
	MR_JOIN_PHASE_NONE,
	MR_JOIN_PHASE_REWIND, /* pg_rewind is at work in the data directory */
	MR_JOIN_PHASE_CLONE,  /* pg_basebackup fills `temporary`, or the data directory itself */
	MR_JOIN_PHASE_SWAP,   /* `temporary` is complete and takes the data directory's place */
	MR_JOIN_PHASE_SETTLE  /* the data directory is complete but for this node's own files */
} MrJoinPhase;

typedef struct MrJoinProgress
{
	MrJoinPhase phase;
	uint32_t timeline;        /* of the leader */
	char temporary[PATH_MAX]; /* CLONE, SWAP; empty: directly into the data directory */
	char kept[PATH_MAX];      /* REWIND: diverged WAL, to be put back before another try */
	char aside[PATH_MAX];     /* SWAP: new name of the old data directory */
} MrJoinProgress;

/* Reads it; phase NONE if there is none. False, having said why, if it cannot be used. */
extern bool mr_join_progress_read(const MrJoin *join, MrJoinProgress *progress);

/* Writes it durably; phase NONE removes it. False, having said why. */
extern bool mr_join_progress_write(const MrJoin *join, const MrJoinProgress *progress);

/* Whether there is one, usable or not. */
extern bool mr_join_progress_exists(const MrJoin *join);

#endif /* MR_JOIN_PROGRESS_H */
