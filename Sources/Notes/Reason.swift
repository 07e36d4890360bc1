public import Formats

/// Why a command was changed, left unchanged, or changed only in part. Codes are stable: a number is never reused for
/// another meaning. docs/reasons.md contains this table; a test keeps both equal.
public enum Reason: UInt16, CaseIterable, Sendable {
    // 0xx: what was done
    case importAdded = 1
    case exportAdded = 2
    case viewAdded = 3
    case sharedCachesAdded = 4
    case pathsTranslated = 5
    case nestedMountAdded = 6
    case sharedBuilderChosen = 7
    case sandboxApplied = 9

    // 1xx: the command line and the settings
    case bypassed = 100
    case notEdited = 101
    case commandNotUnderstood = 102
    case helpOrCheck = 103
    case alreadyApplied = 104
    case userExport = 105
    case noCacheGiven = 106
    case buildCacheOff = 107
    case settingsNotTrusted = 108
    case settingsInvalid = 109
    case exportOff = 110
    case definitionRemote = 111
    case definitionUnclear = 112
    case cacheListsSet = 113
    case composeBuildsItself = 114
    case exportDoesNotPay = 115
    case filesLimited = 116
    case commandTooLong = 117
    case timeSpent = 120

    // 2xx: which program and which engine the command reaches
    case dockerNotFound = 200
    case dockerIsSnap = 201
    case dockerIsPodman = 202
    case dockerVersionUnknown = 203
    case legacyBuilder = 204
    case dockerTooOld = 205
    case buildxMissing = 206
    case buildxBroken = 207
    case buildxTooOld = 208
    case dockerConfigUnreadable = 209
    case contextUnknown = 210
    case builderUnknown = 211
    case driverUnknown = 212
    case endpointNotAsked = 213
    case engineSilent = 214
    case engineAnswerUnreadable = 215
    case engineNotLinux = 216
    case engineCannotExport = 217
    case engineTooOld = 218
    case conflictingEndpoints = 219
    case endpointInvalid = 220
    case buildKitVariableInvalid = 221
    case builderAliasUnknown = 222
    case pluginMissing = 223
    case sharedBuilderSilent = 224
    case sharedBuilderNotChosen = 225
    case sharedBuilderUnsuited = 226
    case sharedBuilderLocalImage = 227
    case sharedBuilderUnclear = 228
    case sharedBuilderNotReady = 229
    case loadNotNeeded = 240
    case loadedByLayers = 241
    case loadedWhole = 242
    case loadedByDocker = 243

    // 3xx: the store
    case storePathUnusable = 300
    case storeMissing = 301
    case storeNotTrusted = 302
    case storeReadOnly = 303
    case storeNotWritable = 304
    case storeDiskLow = 305
    case storeOverBudget = 306
    case storeUnreadable = 307
    case leaseBusy = 308
    case generationMoved = 309
    case leaseNotKept = 310
    case repositoryNotTrusted = 311
    case storeMovable = 313
    case subStoreSquatted = 314

    // 4xx: what is imported, and what need not be
    case nothingToImport = 400
    case exportIncomplete = 401
    case manifestRejected = 402
    case layerRejected = 403
    case metadataBudgetSpent = 404
    case storeSearchCut = 405
    case unionNotWritten = 410
    case unionFull = 411
    case unionTooOld = 412
    case unionNotMerged = 413
    case unionCannotHold = 414
    case unionNotTrusted = 415
    case importNotNeeded = 420
    case exportNotNeeded = 421
    case flightAwaited = 430
    case flightLed = 431
    case flightTooLong = 432
    case flightDiffers = 433
    case exportBehind = 450
    case exportedBehind = 451
    case exportBehindEnded = 452
    case exportNotBehind = 453

    // 5xx: packages for containers
    case packageCacheOff = 500
    case noPackages = 501
    case packagesDamaged = 502
    case viewUnsupported = 503
    case packagePlaceTaken = 504
    case packageVariableTaken = 505
    case containerSpecial = 506
    case environmentFileUnread = 507
    case engineTooOldForViews = 508

    // 6xx: paths of the engine's
    case pathOutside = 600
    case pathHidden = 601
    case pathUnwritable = 602
    case pathTranslatedAlready = 603
    case pathUnresolved = 604
    case engineElsewhere = 605
    case containerNotProved = 606
    case relativePathInDoubt = 607
    case nestedMountLeftOut = 608
    case secretReadByBuild = 609

    // 7xx: modes of tracked files
    case modesDiffer = 700
    case modesFixed = 701
    case modesNotRead = 702
    case modesNotFixed = 703
    case modesKeptPrivate = 704

    // 8xx: the profile of containers
    case sandboxPrivileged = 800
    case sandboxOptionTaken = 801
    case sandboxLimitImpossible = 802
    case sandboxEngineNotAsked = 803
    case labelFileUnread = 804
    case sandboxIncomplete = 805

    // 9xx: the registry behind the store
    case remotePushed = 900
    case remoteFetched = 901
    case remoteAwaited = 902
    case remoteTooLate = 903
    case remoteImported = 904
    case remoteNotImported = 905
    case remoteFetchedPartly = 906
    case remoteClientMissing = 910
    case remoteClientTooOld = 911
    case remoteRefused = 912
    case remoteSilent = 913
    case remoteSlow = 914
    case remoteUnauthorized = 915
    case remoteForbidden = 916
    case remoteNotFound = 917
    case remoteThrottled = 918
    case remoteFailing = 919
    case remoteNotVerified = 920
    case remoteDiskFull = 921
    case remoteDamaged = 922
    case remoteManifestRejected = 923
    case remoteTooLarge = 924
    case remoteTooManyTags = 925
    case remoteUnclear = 926

    /// The subject of a reason: its hundreds digit.
    public enum Area: UInt16, CaseIterable, Sendable {
        case done, command, engine, store, imports, packages, paths, modes, profile, remote
    }

    /// Its subject; a test ensures that it is never nil.
    public var area: Area? { Area(rawValue: rawValue / 100) }

    /// The code for people and programs, such as "SLP217".
    public var code: ByteString { "SLP" + ByteString(decimal: rawValue).zeroPadded(to: 3) }

    /// The reason for a code, in upper or lower case; nil if there is none.
    public init?(code: ByteString) {
        let code = code.lowercasedASCII
        guard let reason = Self.allCases.first(where: { $0.code.lowercasedASCII == code }) else { return nil }
        self = reason
    }
}

/// A reason with its detail: a path, a version, a name. Never a secret, and never a URL's credentials.
public struct Note: Equatable, Sendable {
    /// The reason.
    public let reason: Reason
    /// What it concerns; may be empty.
    public let detail: ByteString

    /// A reason and its detail.
    public init(_ reason: Reason, _ detail: ByteString = "") {
        self.reason = reason
        self.detail = PublicAddress.redacting(detail)
    }

    /// One sentence for people.
    public var message: ByteString {
        let sentence = ByteString(reason.sentence)
        return detail.isEmpty ? sentence : sentence + ": " + detail
    }
}
