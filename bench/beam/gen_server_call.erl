%% The same as bench/workloads/gen-server-call.ts.
-module(gen_server_call).
-behaviour(gen_server).
-export([body/2, init/1, handle_call/3, handle_cast/2]).

init([]) -> {ok, 0}.

handle_call(incr, _From, N) -> {reply, N + 1, N + 1}.

handle_cast(_, N) -> {noreply, N}.

body(Variant, #{n := N, warm := Warm}) ->
    Main = self(),
    Slot = case Variant of local -> 1; cross -> 2 end,
    {ok, Server} = gen_server:start(?MODULE, [], [{spawn_opt, [{scheduler, tsvm_bench:scheduler(Slot)}]}]),
    tsvm_bench:pinned(1, fun() ->
        calls(Server, Warm),
        Start = erlang:monotonic_time(),
        calls(Server, N),
        Main ! {result, {N, erlang:monotonic_time() - Start}}
    end),
    receive {result, Result} -> gen_server:stop(Server), Result end.

calls(_Server, 0) -> ok;
calls(Server, N) ->
    _ = gen_server:call(Server, incr),
    calls(Server, N - 1).
