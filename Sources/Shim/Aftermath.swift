internal import BuildCache
internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What follows a decision. Before docker runs, this writes the journal's line, because the plugin that docker starts
/// reads it. After the builds have ended, one child process at the lowest priority publishes their exports, records
/// what the builds were made from and how they ended, makes a deferred export, and synchronizes with a registry.
struct Aftermath {
    private let builds: BuildDecision
    private let request: CommandRequest
    /// nil if nothing is to be recorded.
    private let recorder: BuildRecorder?
    /// The export to make after docker has ended; nil if docker makes it itself, or if there is none.
    private let export: ExportBehind?

    /// Starts all of it. Docker waits only for the forks.
    static func begin(_ decision: Decision, _ request: CommandRequest) {
        var plan = decision.plan
        let isRecorded = request.isAlreadyRecorded && !plan.isChanged
        if let builds = decision.builds {
            var flight = builds.wait.flight
            let known = flight.notes.count
            if !isRecorded {
                builds.offers.reservation.supersede()
                let isFollowed = Aftermath(builds, request).begin(flight)
                flight.announce(exportingTo: isFollowed ? builds.offers.builds.first?.export?.path : nil)
            }
            builds.offers.reservation.didUse()
            plan.notes += flight.notes.dropFirst(known)
        }
        decision.views?.scheduleMaintenance()
        if Shim.isTraced { Shim.show(plan, request.docker) }
        if let lack = plan.notes.last, lack.reason == .sandboxIncomplete {
            Kernel.printError(
                "slipway: " + lack.message.terminalSafe + " (" + lack.reason.code + "; docs/sandbox.md)\n")
        }
        guard request.settings.journal, !isRecorded, let command = decision.command else { return }
        Journal.append(plan, command: command, request.findings.value)
    }

    private init(_ builds: BuildDecision, _ request: CommandRequest) {
        self.builds = builds
        self.request = request
        let offers = builds.offers
        export = Self.exportBehind(builds, request)
        recorder =
            request.settings.records && !offers.builds.isEmpty
            ? BuildRecorder(
                offers.builds.enumerated().map { Self.part($1, at: $0, of: builds.known) },
                docker: request.docker.path, builds.command.globals, request.settings)
            : nil
    }

    private static func part(_ build: CachedBuild, at index: Int, of known: KnownBuilds) -> BuildRecorder.Part {
        BuildRecorder.Part(
            target: known.builds[index].target, description: known.builds[index].description,
            identity: build.identity, hasImported: build.imported != nil, relative: build.relative,
            export: build.export, keeper: known.keeper(at: index, exportingTo: build.export?.path))
    }

    private static func exportBehind(_ builds: BuildDecision, _ request: CommandRequest) -> ExportBehind? {
        guard let single = builds.command.single, let build = builds.offers.builds.first, build.isExportedBehind,
            let place = build.export, let option = build.exportOption
        else { return nil }
        return ExportBehind(
            single.build, single.words, as: build.identity, docker: request.docker.path, directory: single.directory,
            importing: build.imported, exportingTo: (place, option), request.settings)
    }

    private var isEmpty: Bool {
        recorder == nil && builds.offers.exportedKeys.isEmpty && request.settings.remote.prefix == nil
    }

    /// Starts the child process and returns whether it runs. A deferred export inherits the leases: docker's own end
    /// with docker.
    private func begin(_ flight: BuildFlight) -> Bool {
        guard !isEmpty else { return false }
        let (process, began) = (Kernel.processID, Clock.now)
        let reservation = builds.offers.reservation
        let inherited = export == nil ? [] : reservation.inheritance + flight.inheritance
        return Detached.run(inheriting: inherited, reaping: .beforeExec) { command in
            if let recorder {
                recorder.run(
                    began: began, process: process, command, exporting: export, publish: reservation.publish)
            } else {
                command.waitForEnd(within: BuildRecorder.longestBuild)
                reservation.publish()
            }
            RemoteUpkeep.begin(
                for: builds.offers.builds.map(\.identity), request.settings, builds.command.globals)
            return 0
        }
    }
}
