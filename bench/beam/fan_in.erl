%% The same as bench/workloads/fan-in.ts.
-module(fan_in).
-export([body/2]).

body(Variant, #{n := N, senders := Senders}) ->
    Each = N div Senders,
    case Variant of
        off_heap -> process_flag(message_queue_data, off_heap);
        on_heap -> ok
    end,
    Receiver = self(),
    Pids = [spawn(fun() -> sender(Receiver, Each) end) || _ <- lists:seq(1, Senders)],
    [receive {ready, P} -> ok end || P <- Pids],
    Start = erlang:monotonic_time(),
    [P ! go || P <- Pids],
    take(Senders * Each),
    {Senders * Each, erlang:monotonic_time() - Start}.

sender(Receiver, Each) ->
    Receiver ! {ready, self()},
    receive go -> send_each(Receiver, self(), Each) end.

send_each(_Receiver, _Self, 0) -> ok;
send_each(Receiver, Self, K) ->
    Receiver ! {Self, K},
    send_each(Receiver, Self, K - 1).

take(0) -> ok;
take(N) ->
    receive {_Sender, _K} -> take(N - 1) end.
