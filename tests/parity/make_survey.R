# Makes a small seeded survey and what R's survey package says of it, for test_survey_parity.py.
# Run from this folder: Rscript make_survey.R     (Debian: apt-get install r-cran-survey r-cran-mass)
#
# The calls that equal ours: svydesign(nest = TRUE) with option survey.lonely.psu = "adjust", then
# calibrate(calfun = "raking"), whose variance takes residuals of a regression weighted by the weights
# before raking. rake() meets the same margins, but its variance sweeps the margins ten times with the
# weights of its last sweep: equal for large samples only.
suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "adjust", digits = 15)
set.seed(20250401, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
made_by <- paste0("# ", R.version.string, "; survey ", packageVersion("survey"), "; tests/parity/make_survey.R")
keep <- function(frame, name) {
  numeric <- vapply(frame, is.double, TRUE)
  frame[numeric] <- lapply(frame[numeric], signif, 12)
  path <- file.path("results", name)
  writeLines(made_by, path)
  suppressWarnings(write.table(frame, path, append = TRUE, sep = ",", row.names = FALSE, quote = FALSE, na = ""))
}

# 5 strata of 6 clusters and one of a single cluster, 4 to 12 people each, weights by stratum and person
clusters <- data.frame(stratum = c(rep(letters[1:5], each = 6), "f"), cluster = c(rep(1:6, 5), 1))
size <- sample(4:12, nrow(clusters), replace = TRUE)
people <- clusters[rep(seq_len(nrow(clusters)), size), ]
n <- nrow(people)
lift <- rep(rnorm(nrow(clusters), sd = 0.7), size)
people$clusters_in_stratum <- c(a = 20, b = 35, c = 15, d = 60, e = 25, f = 4)[people$stratum]
people$ward <- sample(c("North", "South", "East", "West"), n, replace = TRUE, prob = c(4, 3, 2, 1))
people$sex_age <- paste(sample(c("F", "M"), n, TRUE), sample(c("16-34", "35-64", "65+"), n, TRUE))
people$tenure <- sample(c("own", "private rent", "social rent"), n, TRUE, c(5, 3, 2))
people$weight <- round(match(people$stratum, letters) * 4 * exp(rnorm(n, sd = 0.4)), 3)
for (question in c("lonely", "safe", "volunteers")) {
  yes <- rbinom(n, 1, plogis(lift + rnorm(1) + 0.8 * (people$tenure == "social rent")))
  people[[question]] <- ifelse(runif(n) < 0.12, NA, yes)
}
people$hours <- round(rgamma(n, 2, 0.2) * exp(lift / 3), 1)
keep(people, "survey_people.csv")

sex_age <- c("F 16-34" = 1400, "F 35-64" = 1800, "F 65+" = 900, "M 16-34" = 1500, "M 35-64" = 1700, "M 65+" = 700)
tenure <- c("own" = 3600, "private rent" = 2500, "social rent" = 1900)
keep(data.frame(margin = rep(c("sex_age", "tenure"), c(6, 3)), category = names(c(sex_age, tenure)),
                population = c(sex_age, tenure)), "survey_targets.csv")

base <- svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum,
                  data = people, nest = TRUE)
margins <- c("(Intercept)" = sum(tenure), setNames(sex_age[-1], paste0("sex_age", names(sex_age)[-1])),
             setNames(tenure[-1], paste0("tenure", names(tenure)[-1])))
raked <- calibrate(base, ~sex_age + tenure, margins, calfun = "raking", epsilon = 1e-13, maxit = 200)
stopifnot(max(abs(tapply(weights(raked), people$tenure, sum) - tenure)) < 1e-6)
keep(data.frame(weight = weights(raked)), "survey_raked_weights.csv")

estimate <- function(design, name, question, place) {
  answer <- people[[question]]
  design$variables$inside <- people$ward == place & !is.na(answer)
  design$variables$y <- ifelse(is.na(answer), 0, answer)  # outside the domain: its weight is nought there
  part <- subset(design, inside)
  mean <- svymean(~y, part, deff = "replace")
  total <- svytotal(~y, part)
  yes_no <- question != "hours"
  interval <- if (yes_no) attr(svyciprop(~y, part, method = "beta", df = degf(part)), "ci") else
    confint(mean, df = degf(part))
  data.frame(design = name, question = question, ward = place, estimate = coef(mean)[[1]],
             standard_error = SE(mean)[[1]], lower = interval[[1]], upper = interval[[2]],
             design_effect = deff(mean)[[1]], degrees_of_freedom = degf(part),
             total = coef(total)[[1]], total_standard_error = SE(total)[[1]])
}
designs <- list(unraked = base, raked = raked)
questions <- c("lonely", "safe", "volunteers", "hours")
grid <- expand.grid(question = questions, place = sort(unique(people$ward)), name = names(designs),
                    stringsAsFactors = FALSE)
keep(do.call(rbind, Map(function(q, p, d) estimate(designs[[d]], d, q, p), grid$question, grid$place, grid$name)),
     "survey_estimates.csv")

# The joint covariance: every mean as a ratio of two totals, all at once
covariances <- function(design, name) {
  cells <- expand.grid(question = questions, ward = sort(unique(people$ward)), stringsAsFactors = FALSE)
  inside <- Map(function(q, w) people$ward == w & !is.na(people[[q]]), cells$question, cells$ward)
  top <- Map(function(question, i) ifelse(i, people[[question]], 0), cells$question, inside)
  design$variables <- as.data.frame(setNames(c(top, lapply(inside, as.numeric)),
                                             c(paste0("t", seq_along(top)), paste0("b", seq_along(top)))))
  sums <- svytotal(as.formula(paste("~", paste(names(design$variables), collapse = "+"))), design)
  ratios <- lapply(seq_along(top), function(i) parse(text = paste0("t", i, "/b", i))[[1]])
  frame <- as.data.frame(vcov(svycontrast(sums, setNames(ratios, paste0("r", seq_along(top))))))
  cbind(design = name, cells, frame)
}
keep(rbind(covariances(base, "unraked"), covariances(raked, "raked")), "survey_covariance.csv")
