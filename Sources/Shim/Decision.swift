internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
public import Planning

/// What happens to a command line: `slipway explain` prints the same decision that the shim carries out.
public struct Decision {
    /// What docker gets, and why.
    public let plan: Plan
    /// The kind of command, for the journal; nil if the command is not worth a line.
    let command: ByteString?
    /// The decision about builds; nil if nothing was looked up or reserved for any.
    let builds: BuildDecision?
    /// The views to clean up after a container.
    let views: PackageViews?

    /// No file of Slipway's own, such as the journal or a copied definition, is larger. Exports can be.
    private static let largestOwnFile: UInt64 = 32 << 20

    /// Whether a decision is carried out or only shown.
    public enum Purpose: Sendable {
        /// Takes leases, and remembers what it learns.
        case acting
        /// Locks, makes and writes nothing.
        case showing
    }

    /// Decides about a command, but makes nothing yet: `reserved` makes what the plan needs.
    public init(_ request: CommandRequest) {
        let words = request.words
        guard Kernel.largestFile >= Self.largestOwnFile else {
            let plan = Plan.unchanged(words, [Note(.filesLimited)])
            // The size of files is limited here, so only a missing sandbox is worth a line in the journal.
            let command: ByteString? = request.sandboxLack(plan.notes) == nil ? nil : "unknown"
            self.init(plan, command, hidesRequestNotes: true, for: request)
            return
        }
        switch request.invocation {
        case .other: self.init(.unchanged(words, [Note(.notEdited)]), nil, for: request)
        case .notUnderstood(let error):
            self.init(.unchanged(words, [Note(.commandNotUnderstood, error.message)]), "unknown", for: request)
        case .build(let build):
            self.init(request) { caches throws(Refusal) in
                try caches.resolve(SingleBuild(build, request, isOurs: caches.owns))
            }
        case .bake(let bake): self.init(bake, request)
        case .compose(let compose):
            switch ComposeDecision(compose, request) {
            case .plan(let plan):
                // The plugin itself records what it decides.
                let plan = plan.limitedToArgMax()
                self.init(plan, plan.isNoteworthy ? "compose" : nil, for: request)
            case .builds:
                self.init(request) { caches throws(Refusal) in
                    try caches.resolve(ComposeBuild(compose, request))
                }
            }
        case .container(let container):
            let decided = ContainerDecision(container, request)
            let plan = decided.plan.limitedToArgMax()
            // Most containers are not changed, and not worth a line; a missing sandbox always is.
            let isLacking = request.sandboxLack(plan.notes) != nil
            let command = plan.isNoteworthy || isLacking ? container.word : nil
            self.init(plan, command, views: decided.views, for: request)
        case .volume(let volume):
            let plan = ContainerDecision.plan(volume, request).limitedToArgMax()
            self.init(plan, plan.isNoteworthy ? "volume" : nil, for: request)
        }
    }

    /// For a bake. `definition` is the content of standard input, if it has already been read.
    init(_ bake: BakeInvocation, _ request: CommandRequest, of definition: BakeDefinition? = nil) {
        self.init(request) { caches throws(Refusal) in
            try caches.resolve(BakeCommand(bake, request, of: definition, isOurs: caches.owns))
        }
    }

    /// For builds: renders what the back ends offer, or the choice of a shared builder.
    private init(_ request: CommandRequest, _ resolve: (Caches) throws(Refusal) -> Resolution) {
        do throws(Refusal) {
            switch try resolve(Caches(request)) {
            case .here(let builds): self.init(builds, for: request)
            case .elsewhere(let plan): self.init(plan, Self.word(for: plan, request), for: request)
            }
        } catch {
            self.init(refusing: error, request)
        }
    }

    private init(_ builds: BuildDecision, for request: CommandRequest) {
        self.init(builds.plan, Self.word(for: builds.plan, request), builds, for: request)
    }

    private init(refusing refusal: Refusal, _ request: CommandRequest) {
        let plan = Plan.unchanged(request.words, refusal.notes)
        self.init(plan, Self.word(for: plan, request), for: request)
    }

    /// The name in the journal of a command that builds.
    private static func word(for plan: Plan, _ request: CommandRequest) -> ByteString? {
        // The shim before docker has already recorded it.
        let isRecorded = request.role != .docker && plan.notes.map(\.reason) == [.alreadyApplied]
        switch request.invocation {
        case .build: return isRecorded ? nil : "build"
        case .bake: return isRecorded ? nil : "bake"
        default: return plan.isNoteworthy ? "compose" : nil
        }
    }

    private init(
        _ plan: Plan, _ command: ByteString?, _ builds: BuildDecision? = nil, views: PackageViews? = nil,
        hidesRequestNotes: Bool = false, for request: CommandRequest
    ) {
        var plan = plan
        if !hidesRequestNotes { plan.notes = request.notes + plan.notes }
        plan.notes += request.sandboxLack(plan.notes).map { [$0] } ?? []
        self.plan = plan
        self.command = command
        self.builds = builds
        self.views = views
    }

    /// Makes what the plan needs: leases that outlive exec, directories, a file for compose. A failed step disables the
    /// corresponding import or export, once. A command that is too long for docker needs nothing.
    func reserved(for request: CommandRequest) -> Decision {
        guard let builds else { return self }
        guard !builds.plan.has(.commandTooLong) else { return Decision(builds.plan, command, for: request) }
        do throws(Refusal) {
            return Decision(try builds.reserved(), for: request)
        } catch {
            return Decision(refusing: error, request)
        }
    }
}

extension Plan {
    /// Whether the plan is worth a line in the journal, for kinds of commands that Slipway usually does not change.
    fileprivate var isNoteworthy: Bool {
        let usual: [Reason] = [
            .helpOrCheck, .notEdited, .packageCacheOff, .noPackages, .engineElsewhere, .pluginMissing,
        ]
        return isChanged || notes.contains { !usual.contains($0.reason) }
    }
}
