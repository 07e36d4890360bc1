public import Formats

/// Everything that the doctor can report. Codes are stable: a number is never reused for another meaning.
/// docs/doctor.md contains this table; a test keeps both equal.
public enum Check: UInt16, CaseIterable, Sendable {
    // 1xx: which docker runs
    case shellsFindShim = 100
    case shimMissing = 101
    case shimShadowed = 102
    case shimNotOnPath = 103
    case severalShims = 104
    case shellMissesShim = 105
    case shellSilent = 106
    case bareShellMissesShim = 107
    case bareShellOfOneUser = 108
    case bypassSet = 109

    // 2xx: docker, its plugins, the builder
    case dockerFound = 200
    case dockerMissing = 201
    case dockerIsPodman = 202
    case dockerVersionUnknown = 203
    case dockerIsSnap = 204
    case dockerTooOld = 205
    case buildxMissing = 206
    case buildxBroken = 207
    case buildxTooOld = 208
    case composePassedOn = 209
    case builderExports = 210
    case legacyBuilder = 211
    case buildKitVariableInvalid = 212
    case builderAliasUnknown = 213
    case dockerConfigUnreadable = 214
    case contextUnknown = 215
    case builderUnknown = 216
    case driverUnknown = 217
    case endpointInvalid = 218
    case endpointNotAsked = 219
    case engineSilent = 220
    case engineAnswerUnreadable = 221
    case engineNotLinux = 222
    case engineCannotExport = 223
    case engineTooOld = 224
    case routeInDoubt = 225
    case buildKitVulnerable = 226
    case attestations = 227
    case pluginInPlace = 228
    case pluginMissing = 229
    case recordedDockerGone = 230
    case recordedDockerNotTrusted = 231

    // 3xx: the store
    case storeInOrder = 300
    case storeNotMadeYet = 301
    case storePathUnusable = 302
    case storeNotTrusted = 303
    case storeUnreadable = 304
    case storeReadOnly = 305
    case storeNotWritable = 306
    case storeNotLockable = 307
    case storeHasNoLinks = 308
    case storeRemote = 309
    case storeVolatile = 310
    case diskLow = 311
    case inodesLow = 312
    case storeOverBudget = 313
    case subStoreUnmapped = 314
    case subStoreNotTrusted = 315
    case leftovers = 316
    case foreignThings = 317
    case exportsInTheFuture = 318
    case blobsVerified = 319
    case blobsDamaged = 320
    case storeInUse = 321
    case storeMovable = 322
    case subStoreSquatted = 323

    // 4xx: settings
    case settingsInOrder = 400
    case settingsInvalid = 401
    case settingsNotTrusted = 402
    case packagesReadOnly = 403
    case packagesShared = 404

    // 5xx: what makes fresh clones miss
    case cloneInOrder = 500
    case umaskUnusual = 501
    case setgidDirectories = 502
    case defaultACL = 503
    case fileModesDiffer = 504
    case directoryModesDiffer = 505
    case fileModeIgnored = 506
    case sharedRepository = 507
    case cloneNotRead = 508

    // 6xx: the home
    case homeInOrder = 600
    case homeOfSomebodyElse = 601
    case homeMissing = 602
    case dockerFilesOfSomebodyElse = 603

    // 7xx: the engine's paths
    case pathsAlike = 700
    case pathsDiffer = 701
    case pathNotSeen = 702
    case containerNotProved = 703

    // 8xx: what lies beyond this machine: the registry behind the store, shared builders
    case remoteInOrder = 800
    case remoteClientMissing = 801
    case remoteClientTooOld = 802
    case remoteFails = 803
    case sharedBuilderAnswers = 810
    case sharedBuilderSilent = 811
    case sharedBuilderUnusable = 812
    case sharedBuilderWouldHelp = 813
    case sharedBuilderNotNeeded = 814

    /// The code for people and programs, such as "DOC101".
    public var code: ByteString { "DOC" + ByteString(decimal: rawValue) }
}

/// How bad a finding is. The program's exit code is the raw value of the worst one.
public enum Severity: Int32, CaseIterable, Comparable, Sendable {
    /// As it should be, or just for information.
    case ok = 0
    /// Builds share less than they could, or something will go wrong later.
    case warning = 1
    /// Builds share nothing here, or fail.
    case broken = 2

    /// "ok", "warning" or "broken".
    public var name: ByteString {
        switch self {
        case .ok: "ok"
        case .warning: "warning"
        case .broken: "broken"
        }
    }

    /// Order from good to bad.
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}
