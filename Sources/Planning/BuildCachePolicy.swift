public import DockerCommandLine
public import Formats
public import Notes

/// What a build gets from the store and gives to it.
public enum BuildCachePolicy {
    /// What the command line and the settings leave to be asked for, before anything is looked up.
    public struct Request: Equatable, Sendable {
        /// Whether layers may be imported.
        public var imports: Bool
        /// Whether layers may be exported.
        public var exports: Bool
        /// Why not.
        public var notes: [Note]

        /// Whether nothing is left: no file is read and no engine asked then.
        public var isEmpty: Bool { !imports && !exports }

        /// Everything by name.
        public init(imports: Bool, exports: Bool, notes: [Note]) {
            self.imports = imports
            self.exports = exports
            self.notes = notes
        }
    }

    /// What the store and the engine turned out to offer.
    public struct Facts: Equatable, Sendable {
        /// One generation and the manifest in it.
        public struct Import: Equatable, Sendable {
            /// The generation's directory.
            public let source: ByteString
            /// "sha256:..."
            public let digest: ByteString
            /// How many exports of how many keys it is made of, in words for people.
            public let extent: ByteString

            /// All by name.
            public init(source: ByteString, digest: ByteString, extent: ByteString = "") {
                self.source = source
                self.digest = digest
                self.extent = extent
            }

            /// The manifest and what it is made of.
            var description: ByteString { extent.isEmpty ? digest : digest + " (" + extent + ")" }
        }

        /// The manifest that passed pre-flight.
        public var found: Import?
        /// The registry's manifest that the engine itself imports, "REPOSITORY@sha256:..."; nil for none.
        public var reference: ByteString?
        /// Whether builds import from the registry alone.
        public var isDirect = false
        /// Whether nothing has changed since the engine built this, and it has all of that still.
        public var isImported = false
        /// Whether nothing has changed since this was exported.
        public var isExported = false
        /// The directory to export to; nil when an export would fail or is not asked for.
        public var export: ByteString?
        /// Whether that is done once docker has ended, and not by docker.
        public var isExportedBehind = false
        /// The lease files that must stay locked while docker runs.
        public var leases: [ByteString]
        /// What was left out, and why.
        public var notes: [Note]

        /// Everything by name.
        public init(found: Import? = nil, export: ByteString? = nil, leases: [ByteString] = [], notes: [Note] = []) {
            self.found = found
            self.export = export
            self.leases = leases
            self.notes = notes
        }
    }

    /// Reads the request off a command line. `isInStore` tells paths of ours, by which a command that has been through a shim
    /// already is known.
    public static func request(
        of build: BuildInvocation, _ settings: Settings, isInStore: (ByteString) -> Bool
    ) -> Request {
        func nothing(_ reason: Reason) -> Request { Request(imports: false, exports: false, notes: [Note(reason)]) }
        if build.isPassThrough { return nothing(.helpOrCheck) }
        if settings.buildCache == .off { return nothing(.buildCacheOff) }
        if build.context == nil { return nothing(.commandNotUnderstood) }
        func isOurs(_ value: ByteString) -> Bool {
            isInStore(value)
                || settings.remote.directPrefix.map { RemoteSettings.isReference(value, below: $0) } ?? false
        }
        if (build.cacheFrom + build.cacheTo).contains(where: { names($0, isOurs) }) {
            return nothing(.alreadyApplied)
        }
        var request = Request(imports: true, exports: true, notes: [])
        if build.noCache {
            request.imports = false
            request.notes.append(Note(.noCacheGiven))
        }
        if settings.buildCache == .importOnly {
            request.exports = false
            request.notes.append(Note(.exportOff))
        } else if !build.cacheTo.isEmpty {
            // With two local exporters BuildKit writes the last one's manifest into both indexes: client/solve.go.
            request.exports = false
            request.notes.append(Note(.userExport))
        }
        return request
    }

    static func names(_ option: ByteString, _ isInStore: (ByteString) -> Bool) -> Bool {
        (CSV.fields(of: option) ?? []).contains { field in
            field.cut(at: "=").map { isInStore($0.after) } ?? false
        }
    }

    /// What `--cache-from` is given.
    public static func option(importing found: Facts.Import) -> ByteString {
        CSV.record(of: ["type=local", "src=" + found.source, "digest=" + found.digest])
    }

    /// The same for a manifest of a registry's, which the engine itself asks for.
    static func option(importing reference: ByteString, _ settings: RemoteSettings) -> ByteString {
        CSV.record(
            of: ["type=registry", "ref=" + reference] + (settings.isInsecure ? ["registry.insecure=true"] : []))
    }

    /// What `--cache-to` is given. mode=max: the layers of every stage. gzip, the default, reuses the image's own blobs and
    /// changes nothing that a user pushes. ignore-error: a full disk during the export is no reason to fail a build.
    public static func option(exportingTo path: ByteString) -> ByteString {
        CSV.record(of: ["type=local", "dest=" + path, "mode=max", "ignore-error=true"])
    }

    /// The command with the options that the facts allow, directly after the command word: a later one of the user's wins.
    public static func plan(
        _ build: BuildInvocation, _ arguments: [ByteString], request: Request, facts: Facts,
        _ settings: RemoteSettings = RemoteSettings()
    ) -> Plan {
        var options: [ByteString] = []
        var notes = request.notes + facts.notes
        if request.imports && facts.isImported {
            notes.append(Note(.importNotNeeded))
        } else if request.imports && facts.isDirect {
            if let reference = facts.reference {
                options.append("--cache-from=" + option(importing: reference, settings))
                notes.append(Note(.remoteImported, reference))
            }
        } else if request.imports {
            if let found = facts.found {
                options.append("--cache-from=" + option(importing: found))
                notes.append(Note(.importAdded, found.description))
            } else {
                notes.append(Note(.nothingToImport))
            }
        }
        if request.exports, facts.isExportedBehind, let path = facts.export {
            notes.append(Note(.exportBehind, path))
        } else if request.exports, let path = facts.export {
            options.append("--cache-to=" + option(exportingTo: path))
            notes.append(Note(.exportAdded, path))
        } else if request.exports && facts.isExported {
            notes.append(Note(.exportNotNeeded))
        }
        guard !options.isEmpty else { return .unchanged(arguments, notes) }
        var plan = Plan(arguments: arguments.inserting(options, after: build.commandWordIndex), notes: notes)
        plan.leases = facts.leases
        plan.isChanged = true
        return plan
    }
}
