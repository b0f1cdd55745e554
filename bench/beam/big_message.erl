%% The same as bench/workloads/big-message.ts.
-module(big_message).
-export([body/2]).

-define(UNACKNOWLEDGED, 16).
-define(MEBIBYTE, 1048576).

body(Variant, #{n := N}) ->
    Main = self(),
    Expected = sum(maps100()),
    Receiver = tsvm_bench:pinned(2, fun() ->
        receive {producer, Producer} -> consume(Variant, Producer, Expected) end
    end),
    Producer = tsvm_bench:pinned(1, fun() ->
        Term = term(Variant),
        Start = erlang:monotonic_time(),
        produce(Variant, Receiver, Term, N, ?UNACKNOWLEDGED),
        Main ! {result, {N, erlang:monotonic_time() - Start}}
    end),
    Receiver ! {producer, Producer},
    receive
        {result, Result} ->
            Receiver ! stop,
            Result
    end.

term(maps) -> maps100();
term(bin1m_shared) -> binary:copy(<<1>>, ?MEBIBYTE);
term(bin1m_fresh) -> none.

produce(_Variant, _Receiver, _Term, 0, ?UNACKNOWLEDGED) -> ok;
produce(Variant, Receiver, Term, N, Credit) when N =:= 0; Credit =:= 0 ->
    receive ack -> produce(Variant, Receiver, Term, N, Credit + 1) end;
produce(bin1m_fresh, Receiver, Term, N, Credit) ->
    Receiver ! {big, filled(N band 255)},
    produce(bin1m_fresh, Receiver, Term, N - 1, Credit - 1);
produce(Variant, Receiver, Term, N, Credit) ->
    Receiver ! {big, Term},
    produce(Variant, Receiver, Term, N - 1, Credit - 1).

%% Filled by way of a page: binary:copy/2 of a single byte goes byte by byte and would be a hundred times slower.
filled(Byte) ->
    binary:copy(binary:copy(<<Byte>>, 4096), ?MEBIBYTE div 4096).

consume(Variant, Producer, Expected) ->
    receive
        {big, Term} ->
            check(Variant, Term, Expected),
            Producer ! ack,
            consume(Variant, Producer, Expected);
        stop ->
            ok
    end.

check(maps, Maps, Expected) -> Expected = sum(Maps);
check(_Binary, Binary, _Expected) ->
    Byte = binary:first(Binary),
    Byte = binary:last(Binary).

sum(Maps) -> sum(Maps, 0).

sum([], Sum) -> Sum;
sum([#{k0 := K0, s4 := S4} | Maps], Sum) -> sum(Maps, Sum + K0 + byte_size(S4)).

maps100() ->
    [
        #{
            k0 => I, k1 => 2 * I, k2 => 3 * I, k3 => 4 * I, k4 => I rem 7,
            s0 => text("name-", I), s1 => text("city-", I), s2 => text("street-", I),
            s3 => text("state-", I), s4 => text("tag-", I)
        }
     || I <- lists:seq(1, 100)
    ].

text(Prefix, I) -> list_to_binary([Prefix, integer_to_list(1000 + I)]).
