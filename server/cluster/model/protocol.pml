/*
 * The twin of the model in Go, for Spin: the node B that answers checks, the fencer A, one client, the withdrawal W and
 * another write X. It says the same in another way: the processes are Promela's, and a history is the pair of the
 * revisions that W and X have in it, zero where one is not there.
 *
 * A step is one atomic block; whatever else there is may happen between any two, time too. Planted bugs are macros, by the
 * names that they have in Go. ONLY_P1 leaves the other assertions out; SYNC, ONLY_P1 and bugs are set by spin -D.
 */

#define LEASE 2
#define NONE 15 /* no history: MK(3, 3) */
#define MK(w, x) (((w) << 2) | (x))
#define W(h) ((h) >> 2)
#define X(h) ((h) & 3)
#define REV(h) (((h) == 0) + W(h) * (W(h) > X(h)) + X(h) * (X(h) > W(h)))
#define UPTO(h, r) MK(W(h) * (W(h) <= (r)), X(h) * (X(h) <= (r)))
#define HOLDS(h, p) (((W(p) == 0) || W(p) == W(h)) && ((X(p) == 0) || X(p) == X(h)))
#define ALLOWS(h) (W(h) == 0)
#define LESS(v) ((v) - ((v) > 0))
#define MORE(v) ((v) + ((v) < LEASE))

#ifdef ONLY_P1
#define OTHER(p) skip
#else
#define OTHER(p) assert(p)
#endif

#ifdef ChainIgnored
#define FOLLOWS(p, h) (REV(p) <= REV(h))
#else
#define FOLLOWS(p, h) HOLDS(h, p)
#endif

#ifdef LeaseIgnored
#define STANDING true
#else
#define STANDING (lease > 0)
#endif

#ifdef NoMargin
#define WAIT (LEASE - 1)
#else
#define WAIT LEASE
#endif

mtype = { down, joining, up, idle, sent, committed, waiting, unsaid, pending, returned, void, none, looked, filling };

/* the store, and what it was before the fail-over */
byte db = 0, former = NONE;
bit crashed = 0, failed = 0;

/* node B */
mtype phase = up, renewal = idle;
byte applied = 0, floor = 1, entry = 0, lease = LEASE, left = 0, page = NONE, report = NONE;
bit allow = 1, after = 0;

/* its row, and what A knows */
bit present = 1, changed = 1, server = 0;
byte reported = 0, age = 0, serverAge = 0;
mtype fence = unsaid;

/* the client's check on B */
mtype check = none;
byte token = NONE, got = NONE;
bit fenced = 0, gotAllow = 0, lost = 0;

inline settle() {
	if
	:: fence == returned || fence == void ->
		present = 0; changed = 0; server = 0; reported = NONE; age = 0; serverAge = 0; report = NONE
	:: else
	fi
}

inline forgetCheck() { check = none; token = NONE; got = NONE; fenced = 0; gotAllow = 0; lost = 0 }

active proctype Time() {
	do
	:: atomic {
		lease = LESS(lease); left = LESS(left);
		if :: renewal == waiting && left == 0 -> renewal = idle; after = 0 :: else fi;
		if :: present && !changed -> age = MORE(age) :: else fi;
		if :: !server && fence != returned && fence != void -> serverAge = MORE(serverAge) :: else fi
	   }
	:: atomic { lease == 1 -> lease = 0 } /* B's clock is fast */
	od
}

active proctype Lease() {
	do
	:: atomic { phase != down && renewal == idle -> renewal = sent; left = LEASE }
	:: atomic { renewal == sent ->
		renewal = committed; present = 1; changed = 1; age = 0;
		if :: phase == joining -> reported = NONE :: else fi;
		settle()
	   }
	:: atomic { renewal == sent || renewal == committed -> renewal = idle; left = 0 } /* lost */
	:: atomic { renewal == committed ->
#ifdef LeaseFromAnswer
		left = LEASE;
#endif
		if
		:: left == 0 -> renewal = idle
#ifdef LapsedAtOnce
		:: left > 0 && phase == up ->
#else
		:: left > 0 && lease > 0 ->
#endif
			lease = lease * (lease > left) + left * (left >= lease); renewal = idle; left = 0
		:: else -> renewal = waiting
		fi
	   }
	od
}

inline lose() {
	applied = page; floor = REV(page); entry = NONE; allow = 0;
	if :: check != none -> lost = 1 :: else fi;
	if :: check == looked -> forgetCheck() :: else fi
}

inline advance() {
	if
	:: UPTO(page, REV(applied) + 1) == UPTO(page, REV(applied)) -> applied = page; OTHER(false) /* a gap */
	:: else -> applied = UPTO(page, REV(applied) + 1)
	fi;
#ifndef FloorNotRaised
	if :: W(applied) == REV(applied) -> floor = W(applied) :: else fi
#endif
}

inline caughtUp() {
	if
#ifdef AnyPoll
	:: renewal == waiting ->
#else
	:: renewal == waiting && after ->
#endif
		lease = left; renewal = idle; left = 0
	:: else
	fi;
	OTHER(applied == page);
	OTHER(entry == NONE || HOLDS(page, entry));
	page = NONE; after = 0
}

active proctype Feed() {
	do
	:: atomic { page == NONE && (phase == up || phase == joining && renewal == waiting) ->
		page = db; after = (renewal == waiting)
	   }
	:: atomic { page != NONE -> page = NONE; after = 0 } /* lost */
	:: atomic { page != NONE ->
		if
		:: phase == joining -> phase = up; applied = page; floor = REV(page)
		:: phase == up && !FOLLOWS(applied, page) -> lose()
		:: phase == up && FOLLOWS(applied, page) && REV(applied) < REV(page) -> advance()
		:: else
		fi;
		if :: REV(applied) == REV(page) -> caughtUp() :: else fi
	   }
	:: atomic { phase == up && report == NONE && (fence == unsaid || fence == pending) -> report = applied }
	:: atomic { phase == up && report != NONE ->
		if :: present && HOLDS(db, report) -> reported = report :: else fi;
		report = NONE
	   }
	od
}

active proctype Process() {
	do
	:: atomic { phase != down && !crashed ->
		crashed = 1; phase = down; renewal = idle;
		applied = 0; floor = 0; entry = NONE; allow = 0; lease = 0; left = 0; page = NONE; after = 0; report = NONE;
		forgetCheck()
	   }
	:: atomic { phase == down -> phase = joining; renewal = sent; left = LEASE } /* registers, then reads the head */
	od
}

active proctype Writers() {
	do
	:: atomic { fence == unsaid -> fence = pending;
#ifdef LateCommit
		db = MK(2, X(db))
#else
		db = MK(REV(db) + 1, X(db))
#endif
	   }
	:: atomic { X(db) == 0 && (former == NONE || X(former) == 0) ->
#ifdef LateCommit
		db = MK(W(db), 3)
#else
		db = MK(W(db), REV(db) + 1)
#endif
	   }
	od
}

inline failTo(h) {
	former = db; db = h; failed = 1; server = 1; serverAge = 0;
	if :: W(db) == 0 -> fenced = 0; if :: fence != unsaid -> fence = void :: else fi :: else fi;
	if
	:: !present
	:: present -> changed = 1; age = 0; reported = NONE
	:: present && reported != NONE -> changed = 1; age = 0; reported = 0
	:: present && reported != NONE && HOLDS(db, UPTO(reported, 2)) -> changed = 1; age = 0; reported = UPTO(reported, 2)
	:: present && reported != NONE && HOLDS(db, reported) -> changed = 1; age = 0
#ifndef SYNC
	:: present -> present = 0; changed = 0; age = 0; reported = NONE
#endif
	fi;
	settle()
}

active proctype Database() {
	do
	:: atomic { !failed -> failTo(db) }
#ifndef SYNC
	:: atomic { !failed && REV(db) > 1 -> failTo(0) }
	:: atomic { !failed && REV(db) > 2 -> failTo(UPTO(db, 2)) }
#endif
	od
}

active proctype Fencer() {
	do
	:: atomic { fence == unsaid || fence == pending ->
		if :: server -> server = 0; serverAge = 0 :: else fi;
		if :: changed -> changed = 0; age = 0 :: else fi;
		if
		:: fence == pending &&
#ifndef NoServerWait
		   serverAge >= WAIT &&
#endif
		   (!present || age >= WAIT || (reported != NONE && REV(reported) >= W(db))) -> fence = returned; settle()
		:: else
		fi
	   }
	:: atomic { present && !changed && age >= WAIT -> present = 0; age = 0; reported = NONE } /* taken out */
	od
}

/* answered from the store by the state h, which is taken to be as of the history o */
inline answer(o, h) {
	if
	:: token != NONE && !HOLDS(o, token) -> forgetCheck() /* refused */
	:: else ->
		assert(!(fenced && ALLOWS(h)));
		OTHER(token == NONE || HOLDS(h, token));
		got = o; gotAllow = ALLOWS(h); check = filling; token = NONE; fenced = 0
	fi
}

#ifdef ReplicaFreshness
#define REPLICA(h) (HOLDS(db, h)) -> answer(db, h)
#else
#define REPLICA(h) ((h) != NONE && FOLLOWS(applied, h)) -> answer(h, h)
#endif

active proctype Client() {
	do
	:: atomic { check == none && phase == up ->
		if
		:: fenced = (fence == returned)
		:: REV(db) > 1 -> token = db
		:: REV(db) > 2 -> token = UPTO(db, 2)
		:: former != NONE && REV(former) > 1 -> token = former
		:: former != NONE && REV(former) > 2 -> token = UPTO(former, 2)
		fi;
		if
		:: token != NONE && REV(token) <= REV(applied) && !HOLDS(applied, token) -> forgetCheck() /* refused */
		:: else ->
			if
			:: STANDING && (token == NONE || REV(token) <= REV(applied)) -> check = looked
#ifdef LapsedReadsReplica
			:: !STANDING && token == NONE && REPLICA(0)
#endif
			:: !STANDING || (token != NONE && REV(token) > REV(applied)) -> answer(db, db)
			fi
		fi
	   }
	:: atomic { check == looked && entry != NONE && REV(entry) >= floor ->
		assert(!(fenced && allow));
		OTHER(!(token != NONE && W(token) > 0 && allow));
		forgetCheck()
	   }
	:: atomic { check == looked -> answer(db, db) }
	:: atomic { check == looked && REPLICA(0) }
	:: atomic { check == looked && REPLICA(UPTO(db, 2)) }
	:: atomic { check == looked && REPLICA(former) }
	:: atomic { check == looked && former != NONE && REPLICA(UPTO(former, 2)) }
	:: atomic { check == filling -> forgetCheck() } /* not kept */
#ifdef FillAhead
	:: atomic { check == filling && REV(got) >= floor && !lost ->
#else
	:: atomic { check == filling && REV(got) >= floor && HOLDS(applied, got) ->
#endif
		entry = got; allow = gotAllow; forgetCheck()
	   }
	od
}
