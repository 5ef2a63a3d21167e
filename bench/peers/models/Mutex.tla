------------------------------- MODULE Mutex -------------------------------
(* Lamport's mutual exclusion ("Time, clocks, and the ordering of events in  *)
(* a distributed system", 1978) among three processes with ordered channels, *)
(* as far as no logical clock exceeds Latest.                                *)
EXTENDS Naturals, Sequences
CONSTANT Latest
VARIABLES clock,   \* each process's logical clock
          asked,   \* asked[p][q]: the time of q's request that p knows of, 0 for none
          agreed,  \* who agreed to p's own request
          inside,  \* who is in the critical section
          channel  \* channel[p][q]: messages on their way from p to q, oldest first

Process == 1..3
Others(p) == Process \ {p}
Kinds == {"request", "agree", "release"}
Message(kind, time) == [kind |-> kind, time |-> time]

Exclusive == \A p, q \in inside : p = q
Bounded == \A p \in Process : clock[p] <= Latest

Init == /\ clock = [p \in Process |-> 1]
        /\ asked = [p \in Process |-> [q \in Process |-> 0]]
        /\ agreed = [p \in Process |-> {}]
        /\ inside = {}
        /\ channel = [p \in Process |-> [q \in Process |-> <<>>]]

ToOthers(p, message) == [channel EXCEPT ![p] = [q \in Process |-> IF q = p THEN @[q] ELSE Append(@[q], message)]]
Without(q, p) == [channel EXCEPT ![q][p] = Tail(@)]
Arrived(q, p, kind) == channel[q][p] # <<>> /\ Head(channel[q][p]).kind = kind

Request(p) == /\ asked[p][p] = 0
              /\ asked' = [asked EXCEPT ![p][p] = clock[p]]
              /\ agreed' = [agreed EXCEPT ![p] = {p}]
              /\ channel' = ToOthers(p, Message("request", clock[p]))
              /\ UNCHANGED <<clock, inside>>

Goes(p, q) == \/ asked[p][q] = 0
              \/ asked[p][p] < asked[p][q]
              \/ asked[p][p] = asked[p][q] /\ p < q

Enter(p) == /\ agreed[p] = Process
            /\ \A q \in Others(p) : Goes(p, q)
            /\ inside' = inside \union {p}
            /\ UNCHANGED <<clock, asked, agreed, channel>>

Leave(p) == /\ p \in inside
            /\ inside' = inside \ {p}
            /\ asked' = [asked EXCEPT ![p][p] = 0]
            /\ agreed' = [agreed EXCEPT ![p] = {}]
            /\ channel' = ToOthers(p, Message("release", 0))
            /\ UNCHANGED clock

HearRequest(p, q) == /\ Arrived(q, p, "request")
                     /\ LET time == Head(channel[q][p]).time
                        IN /\ asked' = [asked EXCEPT ![p][q] = time]
                           /\ clock' = [clock EXCEPT ![p] = IF time > @ THEN time + 1 ELSE @ + 1]
                     /\ channel' = [Without(q, p) EXCEPT ![p][q] = Append(@, Message("agree", 0))]
                     /\ UNCHANGED <<agreed, inside>>

HearAgree(p, q) == /\ Arrived(q, p, "agree")
                   /\ agreed' = [agreed EXCEPT ![p] = @ \union {q}]
                   /\ channel' = Without(q, p)
                   /\ UNCHANGED <<clock, asked, inside>>

HearRelease(p, q) == /\ Arrived(q, p, "release")
                     /\ asked' = [asked EXCEPT ![p][q] = 0]
                     /\ channel' = Without(q, p)
                     /\ UNCHANGED <<clock, agreed, inside>>

Next == \E p \in Process :
            \/ Request(p)
            \/ Enter(p)
            \/ Leave(p)
            \/ \E q \in Others(p) : HearRequest(p, q) \/ HearAgree(p, q) \/ HearRelease(p, q)

Spec == Init /\ [][Next]_<<clock, asked, agreed, inside, channel>>
=============================================================================
