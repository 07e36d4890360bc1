internal import BuildCache
internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What has been decided about the builds of a command. It is a value, except that it holds the locks under which the
/// store was read.
struct BuildDecision {
    let command: any BuildCommand
    let known: KnownBuilds
    let offers: CacheOffers
    let wait: BuildWait
    let plan: Plan

    /// Renders the offers.
    init(_ command: any BuildCommand, _ known: KnownBuilds, _ offers: CacheOffers, _ wait: BuildWait) {
        self.command = command
        self.known = known
        self.offers = offers
        self.wait = wait
        var plan = command.plan(offers.request, offers.offers).limitedToArgMax()
        plan.notes += wait.notes
        self.plan = plan
    }

    /// Makes what the plan needs. Whatever cannot be made is removed from the plan, once.
    func reserved() throws(Refusal) -> BuildDecision {
        guard plan.isChanged || offers.isExportedBehind else { return self }
        let kept = BuildDecision(command, known, offers.reservation.commit(), wait)
        try command.write(kept.offers.request, kept.offers.offers)
        return kept
    }
}

extension Plan {
    /// docker calls its plugin with the same arguments and a few more variables: 200 bytes and its own path (28.5).
    private static let roomForDocker = 8192

    /// The plan, or the unchanged command if the kernel would refuse its length: docker reports only "argument list too
    /// long".
    func limitedToArgMax() -> Plan {
        guard isChanged else { return self }
        let added = environment.compactMap { change in change.value.map { change.name + "=" + $0 } }
        guard !Execution.takes(arguments + added, spare: Self.roomForDocker) else { return self }
        return .unchanged(words, [Note(.commandTooLong)])
    }

    func has(_ reason: Reason) -> Bool { notes.contains { $0.reason == reason } }
}
