extension Check {
    var store: CheckInfo {
        switch self {
        case .storeInOrder: .fine("the store in force")
        case .storeNotMadeYet: .fine("the store is made by the first build that exports")
        case .storePathUnusable:
            .broken(
                "the store's path is not absolute, or contains characters other than printable ASCII",
                why: "BuildKit's client cannot send it, so nothing is shared",
                fix: "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\"")
        case .storeNotTrusted:
            .broken(
                "the store or your sub-store is owned by another user, writable by others, or behind a symbolic link",
                why: "whoever can write there decides what your builds use, so nothing is exported",
                fix: "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\"")
        case .storeUnreadable:
            .broken(
                "the store cannot be read",
                why: "nothing is imported",
                fix: "sudo slipway store init --shared <path>")
        case .storeReadOnly:
            .warning(
                "the store is read-only",
                why: "layers are imported, none exported",
                fix: "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\"")
        case .storeNotWritable:
            .warning(
                "the store cannot be written",
                why: "layers are imported, none exported",
                fix: "sudo slipway store init --shared <path>")
        case .storeNotLockable:
            .broken(
                "files in the store cannot be locked",
                why: "leases do not hold, and what a build uses might be deleted under it",
                fix: "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\"")
        case .storeHasNoLinks:
            .warning(
                "the store's file system has no hard links",
                why: "trimming would need a second copy of every layer",
                fix: "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\"")
        case .storeRemote:
            .warning(
                "the store is not on a local disk",
                why: "it works, but nothing is ever trimmed there automatically",
                fix: "slipway trim")
        case .storeVolatile:
            .warning(
                "the store is in memory or in a container's own layers",
                why: "it ends with the machine or the container, and nobody else sees it",
                fix: "docker run --volume /buildkit-cache:<path> ...")
        case .diskLow:
            .warning(
                "the disk is below its floor (store.min-free)",
                why: "layers are imported, none exported",
                fix: "slipway trim")
        case .inodesLow:
            .warning(
                "the file system is short of inodes",
                why: "layers are imported, none exported",
                fix: "slipway trim")
        case .storeOverBudget:
            .warning(
                "your sub-store is larger than store.max-size",
                why: "layers are imported, none exported",
                fix: "slipway trim")
        case .subStoreUnmapped:
            .warning(
                "a sub-store is owned by user 65534",
                why: "a user namespace does not know its owner, so nobody here can use it",
                fix: "ls -ln <path>")
        case .subStoreNotTrusted:
            .warning(
                "a sub-store is owned by another user than the one in its name, or writable by others",
                why: "nobody imports from it",
                fix: "ls -ln <path>")
        case .leftovers:
            .warning(
                "earlier runs left files in your sub-store",
                why: "they take space",
                fix: "slipway trim")
        case .storeInUse:
            .warning(
                "your sub-store is being trimmed, or builds have been using an older generation of it for more than an hour",
                why: "what they use cannot be deleted yet; a trim waits a day for other users' builds, and for your own"
                    + " as long as they run",
                fix: "slipway status")
        case .storeMovable:
            .broken(
                "others can move the store or its contents: they can write to a directory without the sticky bit",
                why: "they could redirect what your builds write, so the store is not used",
                fix: "sudo chmod +t <path>")
        case .subStoreSquatted:
            .broken(
                "another user has taken your sub-store's name",
                why: "your builds neither import nor export",
                fix: "sudo slipway store init --shared <path>")
        case .foreignThings:
            .warning(
                "the store contains files that are not Slipway's",
                why: "they take space that no budget counts and no trim frees",
                fix: "ls -la <path>")
        case .exportsInTheFuture:
            .warning(
                "exports in the store are dated in the future",
                why: "clocks differ, and the newest export is chosen by its time",
                fix: "sudo timedatectl set-ntp true")
        case .blobsVerified: .fine("every blob that could be read matches its digest")
        case .blobsDamaged:
            .broken(
                "blobs in the store do not match their digests",
                why: "a build that needs one fails or builds the step anew",
                fix: "slipway trim")
        default: others
        }
    }

    var remote: CheckInfo {
        switch self {
        case .remoteInOrder: .fine("the registry behind the store")
        case .remoteClientMissing:
            .warning(
                "a registry is configured, but neither oras nor crane is found",
                why: "nothing is pushed or fetched; builds share what this machine has",
                fix: "sudo apt-get install oras")
        case .remoteClientTooOld:
            .warning(
                "a registry is configured, but this oras is too old",
                why: "nothing is pushed or fetched; builds share what this machine has",
                fix: "sudo apt-get install oras")
        case .remoteFails:
            .warning(
                "the registry has failed, and is not contacted for a while",
                why: "nothing is pushed or fetched after builds until then; the builds themselves work as without it",
                fix: "slipway remote check")
        default: others
        }
    }

    var others: CheckInfo {
        switch self {
        case .settingsInOrder: .fine("the settings in force")
        case .settingsInvalid:
            .warning(
                "a setting is invalid and was ignored",
                why: "the default, or an earlier file's value, is in force instead",
                fix: "slipway settings")
        case .settingsNotTrusted:
            .warning(
                "a settings file was not read: another user can write it",
                why: "the default, or an earlier file's value, is in force instead",
                fix: "chmod go-w <path>")
        case .packagesReadOnly:
            .warning(
                "containers get the shared package caches read-only (package-cache.mode)",
                why: "pip disables its cache for all users but root, and as root a package that must be built fails;"
                    + " npm fails except for `npm ci` if every package is there",
                fix: "export SLIPWAY_PACKAGE_CACHE_MODE=view")
        case .packagesShared:
            .warning(
                "every container can write to the shared package caches (package-cache.mode)",
                why: "what one of them puts there, the next one installs without notice",
                fix: "export SLIPWAY_PACKAGE_CACHE_MODE=view")
        case .cloneInOrder: .fine("nothing makes fresh clones miss")
        case .umaskUnusual:
            .warning(
                "the umask is not 0022",
                why: "BuildKit hashes the modes of files, so clones made under different umasks share no COPY",
                fix: "umask 022")
        case .setgidDirectories:
            .warning(
                "directories of the repository have the setgid bit",
                why: "BuildKit hashes it, so COPY of them is not shared with clones that lack it",
                fix: "find <path> -type d -exec chmod g-s {} +")
        case .defaultACL:
            .warning(
                "the repository has a default ACL",
                why: "new files get modes that differ from other clones', and BuildKit hashes modes",
                fix: "setfacl -R -k <path>")
        case .fileModesDiffer:
            .warning(
                "tracked files have modes other than 0644 and 0755",
                why: "BuildKit hashes modes, so COPY of them is not shared with clones that have git's modes",
                fix: "slipway modes --fix <path>")
        case .directoryModesDiffer:
            .warning(
                "directories with tracked files have modes other than 0755",
                why: "BuildKit hashes modes, so COPY of them is not shared with clones that have git's modes",
                fix: "slipway modes --fix <path>")
        case .fileModeIgnored:
            .warning(
                "core.fileMode is false",
                why: "git does not notice when a file's mode changes, and BuildKit hashes modes",
                fix: "git -C <path> config core.fileMode true")
        case .sharedRepository:
            .warning(
                "core.sharedRepository is set",
                why: """
                    a workspace that is set up for a group has modes other than a fresh clone's, and BuildKit hashes \
                    modes
                    """,
                fix: "git -C <path> config --unset core.sharedRepository")
        case .cloneNotRead: .fine("the repository was not examined")
        case .homeInOrder: .fine("the home")
        case .homeOfSomebodyElse:
            .warning(
                "HOME belongs to another user",
                why: "docker leaves files there that its owner cannot write; Slipway uses nothing below it",
                fix: "export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"")
        case .homeMissing:
            .warning(
                "HOME is not set, or is not the absolute path of a directory",
                why: "docker and Slipway find none of your settings",
                fix: "export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"")
        case .dockerFilesOfSomebodyElse:
            .broken(
                "docker's configuration in your HOME belongs to another user",
                why: "buildx cannot write there, and builds fail",
                fix: "sudo chown -R \"$(id -u):$(id -g)\" <path>")
        default: .fine("")
        }
    }
}
