%% The same as bench/workloads/spawn-die.ts.
-module(spawn_die).
-export([body/2]).

body(monitor, #{n := N}) ->
    Start = erlang:monotonic_time(),
    %% The list of the children is not needed. It makes the heap of this process grow early, and so the BEAM
    %% twice as fast here as a loop that drops them.
    Children = [spawn_monitor(fun() -> ok end) || _ <- lists:seq(1, N)],
    take_down(N),
    Time = erlang:monotonic_time() - Start,
    {length(Children), Time};
body(counter, #{n := N}) ->
    Counter = atomics:new(1, []),
    Start = erlang:monotonic_time(),
    spawn_counting(N, Counter, N, self()),
    receive all_counted -> ok end,
    {N, erlang:monotonic_time() - Start};
body(counter_par, #{n := N0}) ->
    K = erlang:system_info(schedulers),
    Each = N0 div K,
    N = Each * K,
    Counter = atomics:new(1, []),
    Main = self(),
    Spawners = [
        tsvm_bench:pinned(I, fun() ->
            Main ! {ready, self()},
            receive go -> spawn_counting(Each, Counter, N, Main) end
        end)
     || I <- lists:seq(1, K)
    ],
    [receive {ready, P} -> ok end || P <- Spawners],
    Start = erlang:monotonic_time(),
    [P ! go || P <- Spawners],
    receive all_counted -> ok end,
    {N, erlang:monotonic_time() - Start}.

take_down(0) -> ok;
take_down(N) ->
    receive {'DOWN', _, process, _, normal} -> take_down(N - 1) end.

spawn_counting(0, _, _, _) -> ok;
spawn_counting(Left, Counter, N, Main) ->
    spawn(fun() ->
        case atomics:add_get(Counter, 1, 1) of
            N -> Main ! all_counted;
            _ -> ok
        end
    end),
    spawn_counting(Left - 1, Counter, N, Main).
