%% The same as bench/workloads/crash-isolation.ts.
-module(crash_isolation).
-export([body/2]).

body(_Variant, #{n := N}) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Pids = [spawn_link(fun() -> worker(I) end) || I <- lists:seq(0, N * 10 - 1)],
    Start = erlang:monotonic_time(),
    [Pid ! go || Pid <- Pids],
    Failed = failures(N, #{}),
    Time = erlang:monotonic_time() - Start,
    Others = [Pid || Pid <- Pids, not is_map_key(Pid, Failed)],
    [Pid ! {ask, self()} || Pid <- Others],
    [receive here -> ok end || _ <- Others],
    [Pid ! stop || Pid <- Others],
    [receive {'EXIT', _, normal} -> ok end || _ <- Others],
    receive Left -> error({left, Left}) after 0 -> ok end,
    {N, Time}.

failures(0, Failed) -> Failed;
failures(N, Failed) ->
    receive
        {'EXIT', Pid, {{badmatch, _}, [_ | _]}} -> failures(N - 1, Failed#{Pid => true})
    end.

worker(I) ->
    receive
        go when I rem 10 =:= 0 -> {ok, _} = result(I);
        go -> worker(I);
        {ask, From} -> From ! here, worker(I);
        stop -> ok
    end.

result(I) -> {error, I}.
