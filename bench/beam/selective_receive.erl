%% The same as bench/workloads/selective-receive.ts.
-module(selective_receive).
-export([body/2]).

body(Variant, #{n := N, junk := Junk}) ->
    Server = spawn(fun server/0),
    [self() ! {junk, I} || I <- lists:seq(1, Junk)],
    Start = erlang:monotonic_time(),
    case Variant of
        scan -> by_number(Server, N);
        _ -> by_ref(Server, N)
    end,
    Time = erlang:monotonic_time() - Start,
    Server ! stop,
    [receive {junk, I} -> ok after 0 -> error({junk_lost, I}) end || I <- lists:seq(1, Junk)],
    {N, Time}.

by_ref(_Server, 0) -> ok;
by_ref(Server, N) ->
    Ref = make_ref(),
    Server ! {req, self(), Ref},
    receive {Ref, ok} -> ok end,
    by_ref(Server, N - 1).

by_number(_Server, 0) -> ok;
by_number(Server, N) ->
    Server ! {req, self(), N},
    receive {N, ok} -> ok end,
    by_number(Server, N - 1).

server() ->
    receive
        {req, From, Tag} ->
            From ! {Tag, ok},
            server();
        stop ->
            ok
    end.
