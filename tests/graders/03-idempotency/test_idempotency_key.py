"""A card is charged once for each idempotency key, and the wallet gets what was charged, whatever happens.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
Supplied are the gateway, which forgets its keys at midnight, and customers, who ask again every twenty seconds.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

TABLES = """
    CREATE TABLE wallets (owner TEXT PRIMARY KEY, credit INTEGER NOT NULL);
    CREATE TABLE requests (
        key TEXT PRIMARY KEY, body TEXT NOT NULL, status INTEGER, answer TEXT, locked_at DOUBLE PRECISION
    );
    INSERT INTO wallets VALUES ('alice', 0), ('bob', 0);
"""
THIRTY, FIFTY = '{"owner": "alice", "amount": 30}', '{"owner": "alice", "amount": 50}'
BOBS_THIRTY = '{"owner": "bob", "amount": 30}'
PATIENCE_S = 20.0  # longer than a lock that expires has to last, and than a restart takes
TRIES = 3  # one more than there are faults
BEFORE = {"busy": (503, "try again later"), "taken": (409, "another server is at it")}  # it charged nothing
GAVE_UP = (0, "no final answer")


class Gateway:
    """Charges cards. `failing` is what goes wrong with the next calls, one after the other."""

    def __init__(self, *failing: str) -> None:
        self.known = ()
        self.charges = ()
        self.calls = 0
        self.failing = failing

    def charge(self, key: str, amount: int) -> tuple[int, str]:
        """Status and answer; the same again for a key that is known, until midnight."""
        if type(key) is not str or type(amount) is not int:
            raise TypeError("charge(key: str, amount: int)")
        self.calls += 1
        failure, self.failing = (self.failing[0], self.failing[1:]) if self.failing else ("", ())
        if failure in BEFORE:
            return BEFORE[failure]
        status, answer = self._result(key, amount, failure == "declined")
        return (504, "timeout") if failure == "late" else (status, answer)

    def _result(self, key: str, amount: int, declined: bool) -> tuple[int, str]:
        for known, first, status, answer in self.known:
            if known == key:
                return (status, answer) if first == amount else (400, "this key had another amount")
        result = (402, "card declined")
        if not declined:
            self.charges += (amount,)
            result = (200, f"ch_{len(self.charges)}")
        self.known += ((key, amount, *result),)
        return result

    def forget(self) -> None:
        """Midnight: the keys of the day are gone."""
        self.known = ()


class Page:
    """What customers got to see in the end: key, body, status and answer."""

    def __init__(self) -> None:
        self.shown = ()

    def show(self, key: str, body: str, status: int, answer: str) -> None:
        """The customer has a final answer, or gave up."""
        self.shown += ((key, body, status, answer),)


def customer(*requests: tuple[str, str], servers: tuple[str, ...] = ("server",) * TRIES):
    """Sends each (key, body) to one server after the other until the answer is final; at midnight the gateway
    forgets."""

    async def ask(network, clock, gateway, page):
        for key, body in requests:
            if key == "midnight":
                await gateway.forget()
                continue
            result = GAVE_UP
            for server in servers:
                await network.send(server, (key, body))
                message = await network.receive(timeout=PATIENCE_S)
                if message is not None and is_final(message[1]):
                    result = message[1]
                    break
                if message is not None:
                    await clock.sleep(PATIENCE_S)
            await page.show(key, body, *result)

    return ask


FIRST = ("k1", THIRTY, 200, "ch_1")
LONG, OTHER = "8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9325"
MIDNIGHT = ("midnight", "")


def is_final(answer: object) -> bool:
    """Whether it is (status, text), and no invitation to try again."""
    match answer:
        case (int(status), str()):
            return status not in {409, 425, 429} and status < 500
        case _:
            return False


async def gives_up(network, clock):
    """Asks again when it is told to, and never when it hears nothing; then the service has a minute."""
    for _ in range(TRIES):
        await network.send("server", ("k1", THIRTY))
        message = await network.receive(timeout=PATIENCE_S)
        if message is None or is_final(message[1]):
            break
        await clock.sleep(PATIENCE_S)
    await clock.sleep(3 * PATIENCE_S)


async def leaves(network):
    """Asks once, whatever the answer."""
    await network.send("server", ("k1", THIRTY))
    await network.receive(timeout=PATIENCE_S)


async def changes_its_mind(network, clock, gateway, page):
    """Asks once; then with the same key for another amount and for Bob, before and after it asks again."""
    await network.send("server", ("k1", THIRTY))
    await network.receive(timeout=PATIENCE_S)
    others = ("k1", FIFTY), ("k1", BOBS_THIRTY)
    insist = customer(*others, ("k1", THIRTY), *others)
    await insist(network, clock, gateway, page)


def expect(*answers: tuple[str, str, int, str], charged: int, calls: int | None = None):
    """The check: what customers were shown (of 422 and 402 the status alone), and the sum charged and credited."""

    def check(world: World) -> Anomaly | None:
        return money(world, charged, calls) or shown(world, answers) or lost(world, charged)

    return check


def money(world: World, charged: int, calls: int | None = None) -> Anomaly | None:
    """What the gateway has charged, and what the wallet has got for it."""
    gateway = world.supplies.objects["gateway"]
    total = sum(gateway.charges)
    if total > charged:
        return Anomaly("duplicate effect", f"Alice's card was charged {total}; it should be {charged}.")
    wallets = dict(world.database.query("SELECT owner, credit FROM wallets"))
    credit, bobs = wallets.get("alice", 0), wallets.get("bob", 0)
    if bobs:
        return Anomaly("wrong effect", f"Nobody paid for Bob, and his wallet got {bobs}.")
    if credit > total:
        return Anomaly("duplicate effect", f"Alice's card was charged {total}, and her wallet got {credit}.")
    if credit < total:
        return Anomaly("torn write", f"Alice's card was charged {total}, and her wallet got {credit}.")
    if calls is not None and gateway.calls > calls:
        told = f"The gateway was called {gateway.calls} times for {calls} key{'s' * (calls != 1)}"
        return Anomaly("duplicate effect", f"{told}, although nobody had died: two handlers were at it at once.")
    return None


def lost(world: World, charged: int) -> Anomaly | None:
    """All that customers were told to have paid was charged."""
    total = sum(world.supplies.objects["gateway"].charges)
    if total < charged:
        return Anomaly("lost message", f"Alice's card was charged {total}; it should be {charged}.")
    return None


def shown(world: World, answers: tuple[tuple[str, str, int, str], ...]) -> Anomaly | None:
    """The customers' final answers, which come in any order if there are several customers."""
    page = world.supplies.objects["page"].shown
    for key, _, status, _ in page:
        if status == 0:
            return Anomaly("stuck", f"Asked again and again with the key {key}, it gives no final answer.")
    if len(page) < len(answers):
        return Anomaly("stuck", f"Of {len(answers)} requests {len(page)} had an answer; the others wait for ever.")
    for got, wanted in zip(sorted(page), sorted(answers), strict=True):
        if got[:3] != wanted[:3] or (wanted[2] == 200 and got != wanted):
            told = f"The key {got[0]} with the body {got[1]} was answered {got[2]} {got[3]!r}"
            return Anomaly("wrong answer", f"{told}; it should be {wanted[2]} {wanted[3]}.".replace(" .", "."))
    return None


def charged_and_credited(world: World) -> Anomaly | None:
    """Nobody waits for an answer; what was charged is in the wallet."""
    return money(world, 30)


SERVER = Process("server", "serve", ("network", "db", "gateway"))


def customers(*runs) -> tuple[Process, ...]:
    """One after the other comes, two seconds later: while a server stands still."""
    names = ("customer",) if len(runs) == 1 else ("customer A", "customer B")
    lose = frozenset({"lose"})
    return tuple(
        Process(name, run, start_ms=100 + 2_000 * n, faults=lose)
        for n, (name, run) in enumerate(zip(names, runs, strict=True))
    )


SCENARIO = Scenario(
    name="idempotency key",
    processes=(SERVER, *customers(customer(("k1", THIRTY)))),
    check=expect(FIRST, charged=30),
    tables=TABLES,
    supplies=(("gateway", Gateway), ("page", Page)),
)
REPEATED = replace(
    SCENARIO,
    processes=(
        SERVER,
        *customers(customer((LONG, THIRTY), (LONG, THIRTY), (OTHER, THIRTY), MIDNIGHT, (LONG, THIRTY))),
    ),
    check=expect(*3 * ((LONG, THIRTY, 200, "ch_1"),), (OTHER, THIRTY, 200, "ch_2"), charged=60),
)
DECLINED = replace(
    SCENARIO,
    processes=(SERVER, *customers(customer(("k1", THIRTY), MIDNIGHT, ("k1", THIRTY)))),
    check=expect(("k1", THIRTY, 402, "card declined"), ("k1", THIRTY, 402, "card declined"), charged=0),
    supplies=(("gateway", lambda: Gateway("declined")), ("page", Page)),
)
FAILING = replace(SCENARIO, supplies=(("gateway", lambda: Gateway("busy", "late")), ("page", Page)))
OTHER_BODY = replace(
    SCENARIO,
    processes=(SERVER, *customers(changes_its_mind)),
    check=expect(*2 * (("k1", FIFTY, 422, ""), ("k1", BOBS_THIRTY, 422, "")), FIRST, charged=30),
    supplies=(("gateway", lambda: Gateway("late")), ("page", Page)),
)
GIVEN_UP = replace(SCENARIO, processes=(SERVER, *customers(gives_up)), check=charged_and_credited)
TWO_SERVERS = replace(
    SCENARIO,
    processes=(
        replace(SERVER, name="server A"),
        replace(SERVER, name="server B", faults=frozenset()),
        *customers(
            customer(("k1", THIRTY), servers=("server A",) * TRIES),
            customer(("k1", THIRTY), servers=("server B",) * TRIES),
        ),
    ),
    check=expect(FIRST, FIRST, charged=30, calls=1),
    pause_ms=3_000,
)
LEFT = replace(
    GIVEN_UP,
    processes=(SERVER, *customers(leaves)),
    supplies=(("gateway", lambda: Gateway("late", "late")), ("page", Page)),
)
STANDING_STILL = replace(
    SCENARIO,
    processes=(
        replace(SERVER, name="server A", faults=frozenset({"pause"})),
        replace(SERVER, name="server B", faults=frozenset({"crash"})),
        *customers(customer(("k1", THIRTY), servers=("server A", "server B") * TRIES)),
    ),
    pause_ms=30_000,
)


class Orders:
    """The shop's orders, which last: two that are alike in all but their id, and one that is declined."""

    def __init__(self) -> None:
        self.finished = ()
        self._all = (("o1", THIRTY), ("o2", THIRTY), ("o3", FIFTY))

    def next(self) -> tuple[str, str] | None:
        """Id and body of the first order that is not done, or None."""
        done = [order for order, *_ in self.finished]
        return next((order for order in self._all if order[0] not in done), None)

    def done(self, order: str, status: int, answer: str) -> None:
        """The order has its final answer."""
        if order not in [known for known, *_ in self.finished]:
            self.finished += ((order, status, answer),)


async def payments(network, gateway):
    """A service in order: it charges once for each key, and declines whatever is over 30."""
    while True:
        sender, request = await network.receive()
        status, answer = 400, "a request is (key, body), both text"
        match request:
            case (str(), body) if body == FIFTY:
                status, answer = 402, "card declined"
            case (str(key), str()):
                status, answer = await gateway.charge(key, 30)
        await network.send(sender, (status, answer))


def orders_paid(world: World) -> Anomaly | None:
    """The two orders were charged once each, and every order has the answer to its own request."""
    charges = len(world.supplies.objects["gateway"].charges)
    finished = world.supplies.objects["orders"].finished
    if charges > 2:
        return Anomaly("duplicate effect", f"The card was charged {charges} times for two orders.")
    if charges < 2:
        told = "was never charged" if not charges else "was charged once for two orders"
        return Anomaly("lost message", f"The card {told}.")
    wanted = (("o1", 200, "ch_1"), ("o2", 200, "ch_2"), ("o3", 402, "card declined"))
    if len(finished) < len(wanted):
        return Anomaly("stuck", f"Of {len(wanted)} orders {len(finished)} became done.")
    if finished != wanted:
        return Anomaly("wrong answer", f"The orders became done with {finished}; it should be {wanted}.")
    return None


CHECKOUT = Scenario(
    name="checkout",
    processes=(
        Process("payments", payments, faults=frozenset({"lose"})),
        Process("checkout", "checkout", ("orders", "network"), start_ms=100),
    ),
    check=orders_paid,
    supplies=(("orders", Orders), ("gateway", Gateway)),
    most_steps=400,
)
CHECKOUT_BUSY = replace(CHECKOUT, supplies=(("orders", Orders), ("gateway", lambda: Gateway("late", "busy"))))
CHECKOUT_VERY_BUSY = replace(
    CHECKOUT, supplies=(("orders", Orders), ("gateway", lambda: Gateway(*("late", "busy", "taken") * 7)))
)


def test_the_shop_when_an_answer_fails(verify):
    """The payment service says 504 and 503 at first, and its answers may get lost: the shop asks again."""
    verify(CHECKOUT_BUSY.with_faults("lose"))


def test_the_shop_when_it_has_to_ask_often(verify):
    """The payment service says 504, 503 and 409 again and again: the shop asks until the answer is final."""
    verify(CHECKOUT_VERY_BUSY)


def test_the_shop_when_it_crashes(verify):
    """After a crash the shop asks again for the order that it had in hand."""
    verify(CHECKOUT.with_faults("crash"))


def test_a_request_and_its_repetition(verify):
    """The same key gets the same answer, also on the next day; another key is another payment."""
    verify(REPEATED)


def test_a_gateway_that_fails_for_a_moment(verify):
    """503 and 504 are no final answers: the next try asks again, and charges once."""
    verify(FAILING)


def test_a_card_that_is_declined(verify):
    """A refusal is a final answer: it is kept, and nothing is charged later."""
    verify(DECLINED)


def test_another_body_with_the_same_key(verify):
    """The same key with another body is refused with 422, whether the first request is finished or not."""
    verify(OTHER_BODY)


def test_a_crash_at_every_await(verify):
    """The service may die at each of its awaits: the next try is answered, and nothing is charged twice."""
    verify(SCENARIO.with_faults("crash"))


def test_a_customer_who_gives_up(verify):
    """What was charged is credited, also when nobody asks again, and when a statement fails after the restart."""
    verify(GIVEN_UP.with_faults("crash", "error"))


def test_two_requests_at_once(verify):
    """While one server is at it, the other answers 409 or waits: the gateway is called once."""
    verify(TWO_SERVERS.with_faults("pause"))


def test_a_server_that_stands_still(verify):
    """A server stands still for half a minute, is taken for dead, and goes on; another may restart meanwhile."""
    verify(STANDING_STILL.with_faults("pause", "crash"))


def test_all_of_it_together(verify):
    """Crashes, lost messages, lost answers to a COMMIT and a failing database, in any combination."""
    verify(SCENARIO.with_faults("crash", "lose", "error"))


def test_a_customer_who_gives_up_on_the_gateway(verify):
    """A 504 may hide a charge: it is credited, too, when nobody asks again, and the gateway fails once more."""
    verify(LEFT)
